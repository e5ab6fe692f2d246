#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace neurosplat {

/// Pictures `first` to `first + count` of a set, float [count, 3, S, S] in [0, 1] on the CPU.
/// Asked for in their order, each once, and a few once more for the sheet.
using PictureRange = std::function<at::Tensor(std::int64_t first, std::int64_t count)>;

/// Pictures as above to what they are compared in, floating-point [count, D].
using PictureFeatures = std::function<at::Tensor(const at::Tensor& pictures)>;

struct SampleSet {
  std::string name;
  PictureRange pictures;
};

/// Sets of pictures, each measured against the same real ones. All have `count` pictures, the real
/// ones too: the Fréchet distance is biased by how many there are.
struct SampleRequest {
  PictureRange real;
  std::vector<SampleSet> sets;
  PictureFeatures features;
  std::int64_t count = 1000;
  std::int64_t neighbours = 3;  ///< of precision_recall()
  std::int64_t batch = 64;
  std::int64_t shown = 10;  ///< pictures of a set on the sheet, at most
};

/// Fewer pictures say nothing: twice as many as precision_recall() needs.
constexpr std::int64_t fewest_samples(std::int64_t neighbours) {
  return 2 * (neighbours + 1);
}

struct SampleScore {
  std::string name;
  double frechet_distance;   ///< to the real pictures, see feature_statistics.h
  double precision, recall;  ///< shares, [0, 1]
};

struct SampleScores {
  std::vector<SampleScore> sets;  ///< in the order of the request
  /// A labelled row for the real pictures and for each set, evenly spread over it: float [3, H, W].
  at::Tensor sheet;
};

/// Throws Error for fewer pictures than fewest_samples() and when a set or the features give
/// something else than was asked for.
SampleScores score_samples(const SampleRequest& request);

}  // namespace neurosplat
