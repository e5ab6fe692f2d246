#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

#include "neurosplat/systems/patch_flow/patch_flow.h"
#include "neurosplat/training/flow_matching.h"

namespace neurosplat {

/// What samples are to show, and how much of it: 1: as foretold; above: x without the conditions,
/// plus `guidance` times what they change (Ho and Salimans 2022), two predictions a step. Not in
/// the last step, whose splats are the sample and where it is all but there.
struct GuidedConditions {
  Conditions conditions = {};  ///< of as many pictures as are sampled, or none
  double guidance = 1;
};

/// Throws UsageError for a guidance below 0 or not finite, or one other than 1 without conditions.
void check(const GuidedConditions& guided);

/// What the head gives in the last step from `start` [B, 3, S, S] on: model.draw() gives the
/// sample, at any size where it is splats. `stepped` is told after each step of each batch of
/// pictures.
at::Tensor last_prediction(const PatchFlow& model, const at::Tensor& start, const FlowSteps& steps,
                           const std::function<void()>& stepped = {},
                           const GuidedConditions& guided = {});

/// Samples in [0, 1], [count, 3, S, S] on the CPU, from noise of the seed.
at::Tensor sample_pictures(const PatchFlow& model, std::int64_t count, std::uint64_t seed,
                           const FlowSteps& steps, const std::function<void()>& stepped = {},
                           const GuidedConditions& guided = {});

/// Pictures sampled at a time, and how many batches they make.
inline constexpr std::int64_t kSampledAtATime = 64;
constexpr std::int64_t sampling_batches(std::int64_t count) {
  return (count + kSampledAtATime - 1) / kSampledAtATime;
}

}  // namespace neurosplat
