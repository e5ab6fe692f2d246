#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "neurosplat/systems/splat_vae/splat_vae.h"

namespace neurosplat::testing {

/// How packets follow a picture: `steps` updates of Adam on the raw numbers.
struct LockSettings {
  std::int64_t steps = 5;
  double learning_rate = 0.2;
};

/// Throws UsageError unless both are positive numbers.
void check(const LockSettings& settings);

/// What a lock gives; tensors on the model's device, without gradients.
struct LockedPicture {
  at::Tensor prior;          ///< [3, S, S], what the model expects
  at::Tensor locked;         ///< [3, S, S], drawn from the packets after the last update
  at::Tensor prior_packets;  ///< raw [N, 11], from the decoder
  at::Tensor packets;        ///< raw [N, 11], after the last update
  std::vector<double> mse;   ///< of the drawn picture after 0, 1, ..., `steps` updates
};

/// A frozen prior and packets that lock onto one picture after another: decode(encode(picture)
/// .mean), then Adam on the mean squared error between what the packets draw and the picture,
/// with fresh moments for each. Only packets move. docs/neuro-splat.md, "Lock".
class PhaseLock {
 public:
  /// Puts the model, whose weights it shares, into evaluation mode.
  PhaseLock(SplatVae model, const LockSettings& settings);

  const SplatVae& model() const { return model_; }

  /// picture: float [3, S, S] in [0, 1] on any device.
  LockedPicture lock(const at::Tensor& picture) const;

 private:
  SplatVae model_;
  LockSettings settings_;
};

}  // namespace neurosplat::testing
