#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <string>

namespace neurosplat {

/// What the agreement gate lets in when the expectation fits, when it is out of place and when it
/// is of another picture. docs/neuro-splat.md, "Prior alignment".
struct PriorAlignmentRequest {
  at::Tensor frame;                                  ///< float64 [H, W] in [0, 1]
  at::Tensor other;                                  ///< another picture of the same size
  std::int64_t shift_rows = 14, shift_columns = 17;  ///< down and right, pixels
  double sigma = 5.0;                                ///< of the blur that makes a prior, pixels
  std::int64_t fixations = 12;
  double decay = 0.5;   ///< of the agreement, each fixation
  double fovea = 16.0;  ///< pixels
};

struct PriorScore {
  std::string name;
  double gain;                  ///< mean over the picture
  double prior_db, percept_db;  ///< PSNR against the frame
  at::Tensor prior, gain_map, percept;
};

/// Aligned, shifted, other.
std::array<PriorScore, 3> run_prior_alignment(const PriorAlignmentRequest& request);

at::Tensor prior_alignment_figure(const std::array<PriorScore, 3>& scores);

}  // namespace neurosplat
