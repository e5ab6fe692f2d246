#pragma once

#include <ATen/ATen.h>

#include "neurosplat/systems/cortex/gaze.h"

/// How the reference's demos look at a map, where they differ from its live programs: the
/// inhibition fades with each fixation, not with each frame
/// (docs/neuro-splat.md, "Gaze").
namespace neurosplat {

inline constexpr std::int64_t kDemoBorder = 18;  // pixels, as all below
inline constexpr double kDemoInhibitionSigma = 26.0;
inline constexpr double kDemoInhibitionFade = 0.9;
inline constexpr double kDemoSaliencySigma = 4.0;

inline Gaze demo_gaze(const at::Tensor& picture) {
  return {picture.size(0), picture.size(1), kDemoInhibitionSigma, kDemoBorder,
          picture.scalar_type()};
}

/// Looks at the most salient place and inhibits it.
inline Fixation look(Gaze& gaze, const at::Tensor& saliency) {
  const auto fixation = gaze.most_salient(saliency);
  gaze.fade(kDemoInhibitionFade);
  gaze.inhibit(fixation);
  return fixation;
}

}  // namespace neurosplat
