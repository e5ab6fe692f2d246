#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace neurosplat {

/// A model's curves as the reference keeps them (figure 3 of the paper, docs/sources.md).
struct PublishedCurve {
  std::string model;  ///< iP, iG, iG-relu
  double beta = 0;
  std::vector<double> step, r2, zeros, du_norm;
};

/// One model's end (figure 4).
struct PublishedPoint {
  std::string model;       ///< iP, iG, iG-relu, LCA; of amortised ones P, G, ...
  std::int64_t steps = 0;  ///< trained with; 1 of amortised models, below 0 of LCA
  double beta = 0;         ///< LCA: its lambda
  double zeros = 0, r2 = 0, mean_r2 = 0;
};

/// Read S2_convergence.csv and S2_ratedist.csv. Throw Error, one line, where a file cannot be read,
/// lacks a column or holds what is no finite number.
std::vector<PublishedCurve> read_published_curves(const std::filesystem::path& path);
std::vector<PublishedPoint> read_published_points(const std::filesystem::path& path);

}  // namespace neurosplat
