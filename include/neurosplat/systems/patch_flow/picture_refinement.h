#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

#include "neurosplat/systems/patch_flow/patch_flow.h"

namespace neurosplat {

/// How far pictures are taken back to noise before the flow draws them anew (img2img).
struct RefinementSteps {
  double strength = 0.75;   ///< share of the way that is done anew, above 0, at most 1
  std::int64_t steps = 64;  ///< of the whole way; round(strength * steps) of them are taken
  std::uint64_t seed = 0;   ///< of the noise
  double guidance = 1;      ///< how much conditions count; 1: as foretold, above: more
};

/// Pictures [B, 3, S, S] in [0, 1] of the model's size, sketches of what is wanted, as the flow
/// would have them: t of each and 1 - t of noise at the step that the strength says, then the rest
/// of the way, told what they are to show. On the CPU. `stepped` is told after each step of each
/// batch of 64. Throws UsageError for other shapes, strengths, steps and conditions, and for a
/// guidance below 0 or, without conditions, other than 1.
at::Tensor refined_pictures(const PatchFlow& model, const at::Tensor& pictures,
                            const RefinementSteps& refinement, const Conditions& conditions,
                            const std::function<void()>& stepped = {});

/// The same without conditions.
inline at::Tensor refined_pictures(const PatchFlow& model, const at::Tensor& pictures,
                                   const RefinementSteps& refinement,
                                   const std::function<void()>& stepped = {}) {
  return refined_pictures(model, pictures, refinement, Conditions{}, stepped);
}

}  // namespace neurosplat
