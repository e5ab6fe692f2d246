#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>

#include "neurosplat/systems/iterative_vae/iterative_vae.h"

namespace neurosplat {

namespace ivae {
class InferenceEngine;
}

struct InferenceOptions {
  std::int64_t inner = 1;  ///< iterations a step
  double beta_inner = 1;   ///< leak towards yesterday's posterior, with more than one iteration
  /// A step is kept only where it lowers the free energy E[-log p(x | z)] + KL(new || old), in
  /// closed form, picture by picture; else the state stays. For linear decoders with identity or
  /// relu.
  bool guard = false;
  std::uint64_t seed = 0;  ///< of the samples
};

/// Inference as it runs in the world: a frame in, a step, spikes out; no gradients, exact Poisson
/// counts, clamps at their loosest. The sample that shows a step's picture drives the next one. The
/// same numbers whatever the threads. Linear decoders go through fused kernels on the CPU, with
/// nothing allocated in a step; others through tensors on the model's device.
class IterativeInference {
 public:
  /// Takes the model's weights as they are now. Throws UsageError for options that cannot be.
  IterativeInference(const IterativeVae& model, std::int64_t batch,
                     const InferenceOptions& options = {});
  ~IterativeInference();
  IterativeInference(IterativeInference&&) noexcept;
  IterativeInference& operator=(IterativeInference&&) noexcept;

  /// Back to the learned prior; the noise goes on.
  void reset();
  /// One step on float32 pictures [batch, pixels]. Throws Error for another shape or where a
  /// picture has numbers that are not finite; the state then stays.
  void step(const at::Tensor& frames);

  std::int64_t steps() const;  ///< since the start or the last reset
  // Of the state now, float32 views that the next step changes; clone what is to be kept.
  const InferenceState& state() const;  ///< Poisson [log-rates], Gaussian [means, log sigmas]
  at::Tensor activity() const;          ///< [batch, latents]: spike counts, or e^g f(z)
  at::Tensor reconstruction() const;    ///< [batch, pixels], drawn from the activity
  /// [batch, pixels]: from the mean rather than a sample: rates e^u, or the activity of the means.
  at::Tensor mean_reconstruction() const;
  /// Mean over the batch of |u now - u before the last step|, of the first state alone; 0 before.
  double last_change() const;
  /// Share of the batch whose last step was kept: 1 without a guard.
  double accepted() const;

 private:
  std::unique_ptr<ivae::InferenceEngine> engine_;
  std::int64_t batch_, pixels_, steps_ = 0;
};

}  // namespace neurosplat
