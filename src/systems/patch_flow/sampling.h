#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

#include "neurosplat/systems/patch_flow/patch_flow.h"
#include "neurosplat/training/flow_matching.h"

namespace neurosplat {

/// What the head gives in the last step from `start` [B, 3, S, S] on: model.draw() gives the
/// sample, at any size where it is splats. `stepped` is told after each step of each batch of
/// pictures.
at::Tensor last_prediction(const PatchFlow& model, const at::Tensor& start, const FlowSteps& steps,
                           const std::function<void()>& stepped = {});

/// Samples in [0, 1], [count, 3, S, S] on the CPU, from noise of the seed.
at::Tensor sample_pictures(const PatchFlow& model, std::int64_t count, std::uint64_t seed,
                           const FlowSteps& steps, const std::function<void()>& stepped = {});

/// Pictures sampled at a time, and how many batches they make.
inline constexpr std::int64_t kSampledAtATime = 64;
constexpr std::int64_t sampling_batches(std::int64_t count) {
  return (count + kSampledAtATime - 1) / kSampledAtATime;
}

}  // namespace neurosplat
