#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "neurosplat/systems/iterative_vae/iterative_vae.h"

namespace neurosplat {

/// How inference runs on patches that stand still: from the learned prior, block by block, each
/// with noise of its own. The same seed and blocks give the same numbers.
struct MeasuredRun {
  std::int64_t steps = 1000;
  std::int64_t block = 500;  ///< patches at a time
  std::int64_t inner = 1;    ///< iterations a step; with more than one `beta_inner` is their leak
  double beta_inner = 1;
  bool guard = false;      ///< InferenceOptions::guard
  std::uint64_t seed = 0;  ///< of the samples
  /// Told after every step of a block how many are done, of steps_in_all().
  std::function<void(std::int64_t)> stepped = {};

  std::int64_t steps_in_all(std::int64_t patches) const {
    return steps * ((patches + block - 1) / block);
  }
};

/// Means over patches after step 1, 2, ...: inference_scores.h says what they are.
struct InferenceCurves {
  std::vector<double> r2;  ///< of what a sample shows
  /// The same of all patches together, 1 - errors / spreads: those of little contrast count little.
  std::vector<double> pooled_r2;
  std::vector<double> zeros;    ///< share of the activity that is exactly 0
  std::vector<double> du_norm;  ///< how far a step moves the log-rates or means, Euclidean
};

/// What the last step leaves.
struct InferenceEnd {
  double r2 = 0;       ///< of what a sample shows
  double mean_r2 = 0;  ///< of what the mean shows
  double zeros = 0;
  double squared_error = 0;  ///< of what a sample shows, summed over pixels
  at::Tensor rates;          ///< float32 [N, latents] on the CPU: e^u, or the activity of the means
  at::Tensor reconstructions;  ///< float32 [N, pixels] on the CPU, of a sample
};

/// Patches [N] (bool) that hold more than one value: of the others R^2 does not exist.
at::Tensor has_contrast(const at::Tensor& patches);

/// Patches are float [N, pixels], N at least 1, all with contrast; they go to the model's device
/// block by block. Throws UsageError where they or the run cannot be.
InferenceCurves inference_curves(const IterativeVae& model, const at::Tensor& patches,
                                 const MeasuredRun& run);

/// The same inference, scored at its end alone.
InferenceEnd inference_end(const IterativeVae& model, const at::Tensor& patches,
                           const MeasuredRun& run);

}  // namespace neurosplat
