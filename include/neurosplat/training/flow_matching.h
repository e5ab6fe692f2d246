#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <vector>

/// From noise to a clean picture along the straight paths z_t = t x + (1 - t) n of flow matching
/// (Lipman et al. 2023; Liu et al. 2023), with a model that foretells x itself. Nothing here knows
/// what the numbers stand for.
namespace neurosplat {

/// z and times [B] in [0, 1) to the clean x foretold, of z's shape.
using CleanPrediction = std::function<at::Tensor(const at::Tensor& z, const at::Tensor& times)>;
/// Told after each step, from 0: z after it and the last x foretold in it.
using FlowObserver =
    std::function<void(std::int64_t step, const at::Tensor& z, const at::Tensor& clean)>;

struct FlowSteps {
  std::int64_t steps = 64;  ///< from noise to the picture
  std::int64_t first = 0;   ///< the step to begin with; those before are taken as done
  double shift = 1;         ///< above 1: more steps where it is clean, see time_of_step
  bool heun = false;        ///< two predictions a step (Heun), but for the last
};

/// Throws UsageError unless 1 <= steps, 0 <= first < steps and shift is above 0.
void check(const FlowSteps& steps);

/// t' = s t / (1 + (s - 1) t) of t = step / steps, in [0, 1].
double time_of_step(const FlowSteps& steps, std::int64_t step);

/// t x + (1 - t) n, with t [B] for each picture.
at::Tensor noisy_at(const at::Tensor& clean, const at::Tensor& noise, const at::Tensor& times);

/// What a network sees of times [B]: sines, then cosines, of `count` frequencies
/// exp(-i ln(10^4) / (count - 1)), [B, 2 count].
at::Tensor time_features(const at::Tensor& times, std::int64_t count);

/// Follows dz/dt = (x(z, t) - z) / (1 - t) from z at time_of_step(first) to time 1. The last step
/// gives the x foretold exactly. Without gradients.
at::Tensor follow_flow(const CleanPrediction& predict, at::Tensor z, const FlowSteps& steps,
                       const FlowObserver& observer = {});

}  // namespace neurosplat
