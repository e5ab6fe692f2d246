#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "neurosplat/systems/iterative_vae/gabor_fit.h"
#include "neurosplat/systems/iterative_vae/iterative_vae.h"

namespace neurosplat {

/// Pixels of a side of the model's patches. Throws UsageError when they are no squares.
std::int64_t patch_side(const IterativeVae& model);

/// The columns of a linear decoder, float32 [pixels, latents] on the CPU, without gradients. Throws
/// UsageError for another decoder and for patches that are no squares.
at::Tensor dictionary_of(const IterativeVae& model);

/// Throws UsageError, which says `what` needs them, where latents are not spike counts.
void expect_spikes(const IterativeVae& model, const char* what);

/// The state's first tensor (log-rates, or means) after `steps` of inference on patches float32
/// [N, pixels], averaged over these: float64 [latents]. Throws as IterativeInference, UsageError
/// for no patches or fewer than one step.
at::Tensor mean_final_state(const IterativeVae& model, const at::Tensor& patches,
                            std::int64_t steps, std::uint64_t seed);

/// Places of the numbers float [K], the largest first, those that are alike in their order; NaN
/// last. int64 [K].
at::Tensor largest_first(const at::Tensor& values);

struct HistogramBin {
  double from, to;  ///< from <= x < to
  std::int64_t count;
};

/// How the Gabors that fit well are spread. What lies beyond the last bin counts in it.
struct GaborStatistics {
  static constexpr double kGood = 0.8;  ///< r2 above it is a good fit

  double share_good = 0;                  ///< of all columns
  std::int64_t good = 0;                  ///< columns that the bins hold
  std::vector<HistogramBin> orientation;  ///< of p, at right angles to stripes: degrees, 8 to 180
  std::vector<HistogramBin> frequency;    ///< stripes a pixel, 10 to 0.5
  std::vector<HistogramBin> aspect;       ///< along / across, 6 to 3
};
GaborStatistics gabor_statistics(const std::vector<GaborFit>& fits);

/// Patches float [N, side^2] as grey pictures [N, 3, side zoom, side zoom] in [0, 1]: each divided
/// by its largest size, 0 at middle grey; a patch of zeros is grey, NaN black.
at::Tensor signed_pictures(const at::Tensor& patches, std::int64_t zoom = 1);

}  // namespace neurosplat
