#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "neurosplat/systems/cortex/gaze.h"

namespace neurosplat {

/// A coarse gist, then small packets added where the eye looks. Packets draw a grey picture
/// without the sigmoid; only their coefficients are fitted. docs/neuro-splat.md, "Saccade demo".
struct SaccadeDemoRequest {
  at::Tensor picture;  ///< float64 [S, S] in [0, 1]
  /// Random numbers, all float64. Gist: [3, G], orientation, first a, first b of each packet.
  at::Tensor gist_draws;
  /// [saccades, 6, P]: angle, u of the radius fovea sqrt(u), orientation, place of the frequency
  /// among the log-spaced ones, first a, first b of each packet.
  at::Tensor draws;
  double gist_width = 0.12, gist_frequency = 2.5;  ///< canvas sides; cycles a side
  std::int64_t gist_steps = 120;
  double gist_rate = 0.03;
  double width = 0.045;  ///< of the added packets, canvas sides
  double lowest_frequency = 7.0, highest_frequency = 26.0;
  double fovea = 0.16;  ///< sigma of what is seen sharply, canvas sides
  std::int64_t steps = 50;
  double rate = 0.05;
};

struct SaccadeDemoResult {
  at::Tensor gist, result;  ///< [S, S]
  at::Tensor coverage;      ///< foveas summed, clipped to 1
  std::vector<Fixation> fixations;
  /// PSNR before and after: weighted by the coverage, by the rest, and over all pixels.
  double fovea_before_db, fovea_after_db;
  double periphery_before_db, periphery_after_db;
  double whole_before_db, whole_after_db;
};

/// Throws UsageError when shapes do not fit.
SaccadeDemoResult run_saccade_demo(const SaccadeDemoRequest& request);

/// Draws as the reference makes them, from a seeded generator of ours: normals of 0.05 and 0.02
/// as coefficients, uniform otherwise.
at::Tensor random_gist_draws(std::int64_t packets, std::uint64_t seed);
at::Tensor random_saccade_draws(std::int64_t saccades, std::int64_t packets, std::uint64_t seed);

/// Retina, gist, result with the scan path, coverage; float [3, ., .].
at::Tensor saccade_figure(const SaccadeDemoRequest& request, const SaccadeDemoResult& result);

}  // namespace neurosplat
