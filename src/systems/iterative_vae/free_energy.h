#pragma once

#include <ATen/core/Tensor.h>

#include "neurosplat/systems/iterative_vae/iterative_vae.h"

namespace neurosplat::ivae {

/// Closed-form free energy of states of models with a linear decoder, identity or relu: expected
/// -log p(x | z), without its constants, plus KL(state || prior), nats a picture.
class FreeEnergy {
 public:
  explicit FreeEnergy(const IterativeVae& model);

  /// [B] for pictures [B, pixels].
  at::Tensor of(const at::Tensor& x, const InferenceState& state,
                const InferenceState& prior) const;
  /// [B, latents]: expected activity.
  at::Tensor mean_activity(const InferenceState& state) const;

 private:
  struct Moments {
    at::Tensor mean, variance;
  };
  Moments moments(const InferenceState& state) const;

  bool poisson_;
  at::Tensor dictionary_, precision_, column_energy_, gain_;
};

}  // namespace neurosplat::ivae
