#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "neurosplat/systems/cortex/agreement_gate.h"
#include "neurosplat/systems/cortex/gaze.h"

namespace neurosplat {

/// How surprise is looked at; pixels unless said otherwise. docs/neuro-splat.md, "Gaze".
struct CortexSettings {
  std::int64_t fixations = 4;      ///< a frame
  double decay = 0.5;              ///< of the agreement buffer, each fixation
  double fovea = 16.0;             ///< sigma of what a fixation lets in
  bool gated = true;               ///< let in gain * residual; else the residual itself
  double inhibition_fade = 0.92;   ///< of the inhibition of return, each frame
  double inhibition_sigma = 26.0;  ///< of the inhibition of return
  double saliency_sigma = 4.0;     ///< surprise is smoothed so before the eye chooses
  std::int64_t border = 18;        ///< never looked at
};

/// Throws UsageError, one line, when a value cannot be.
void check(const CortexSettings& settings);

/// What one frame gave; maps [H, W].
struct Percept {
  at::Tensor percept;    ///< clip(gist + agreement, 0, 1)
  at::Tensor gain;       ///< in [0, 1]
  at::Tensor surprise;   ///< 1 - gain
  at::Tensor agreement;  ///< the buffer after the last fixation
  std::vector<Fixation> fixations;
};

/// An expectation corrected where the eye looks, as far as picture and expectation agree in phase:
/// each fixation A lets  agreement <- decay agreement + A gain (frame - gist)  in. The agreement
/// and the inhibition of return last from frame to frame.
class AgreementCortex {
 public:
  explicit AgreementCortex(const CortexSettings& settings = {});

  /// frame, gist: [H, W] in [0, 1] of one size and type, float or double. A frame of another size
  /// or type than the last starts afresh.
  Percept perceive(const at::Tensor& frame, const at::Tensor& gist);
  /// Forgets the frames so far.
  void reset();

  const CortexSettings& settings() const { return settings_; }

 private:
  CortexSettings settings_;
  AgreementGate gate_;
  std::optional<Gaze> gaze_;
  at::Tensor agreement_;
};

}  // namespace neurosplat
