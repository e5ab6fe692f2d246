#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "neurosplat/systems/cortex/gaze.h"
#include "neurosplat/systems/splat_vae/splat_vae.h"

namespace neurosplat {

/// docs/neuro-splat.md, "Saccades of a model".
struct SaccadeSettings {
  std::int64_t fixations = 5;  ///< a frame
  std::int64_t steps = 8;      ///< updates of Adam a fixation
  double learning_rate = 0.15;
  double fovea = 0.18;  ///< sigma of what a fixation sees sharply, share of the frame's side
};

/// Throws UsageError, one line, when a value cannot be.
void check(const SaccadeSettings& settings);

/// What one frame gave; tensors on the model's device, without gradients.
struct SaccadePercept {
  at::Tensor prior;    ///< [3, S, S], what the model expects
  at::Tensor percept;  ///< [3, S, S], after the last fixation
  at::Tensor packets;  ///< raw [N, 11], after the last fixation
  std::vector<Fixation> fixations;
};

/// A frozen prior whose packets are refined only where the eye looks: each fixation goes to where
/// the percept is most wrong, then Adam moves the packets whose centres lie within 1.5 foveas of
/// it on the squared error weighted by the fovea. Every frame starts from the prior.
class SaccadeCortex {
 public:
  /// Puts the model, whose weights it shares, into evaluation mode.
  SaccadeCortex(SplatVae model, const SaccadeSettings& settings);

  const SplatVae& model() const { return model_; }

  /// picture: float [3, S, S] in [0, 1] on any device.
  SaccadePercept perceive(const at::Tensor& picture) const;

 private:
  SplatVae model_;
  SaccadeSettings settings_;
};

}  // namespace neurosplat
