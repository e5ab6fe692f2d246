#include "neurosplat/training/flow_matching.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cmath>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"

namespace neurosplat {

void check(const FlowSteps& steps) {
  if (steps.steps < 1 || steps.steps > 65536) {
    throw UsageError(text("steps: expected 1 to 65536, got ", steps.steps));
  }
  if (steps.first < 0 || steps.first >= steps.steps) {
    throw UsageError(text("first step: expected 0 to ", steps.steps - 1, ", got ", steps.first));
  }
  if (!(steps.shift > 0 && std::isfinite(steps.shift))) {
    throw UsageError(text("shift: expected above 0, got ", steps.shift));
  }
}

double time_of_step(const FlowSteps& steps, std::int64_t step) {
  const double t = static_cast<double>(step) / static_cast<double>(steps.steps);
  return steps.shift * t / (1 + (steps.shift - 1) * t);
}

at::Tensor noisy_at(const at::Tensor& clean, const at::Tensor& noise, const at::Tensor& times) {
  std::vector<std::int64_t> shape(static_cast<std::size_t>(clean.dim()), 1);
  shape.front() = times.size(0);
  const auto t = times.view(shape);
  return noise + t * (clean - noise);
}

at::Tensor follow_flow(const CleanPrediction& predict, at::Tensor z, const FlowSteps& steps,
                       const FlowObserver& observer) {
  check(steps);
  const at::NoGradGuard no_gradient;
  const auto times_at = [&](double t) { return at::full({z.size(0)}, t, z.options()); };
  for (auto step = steps.first; step < steps.steps; ++step) {
    const double now = time_of_step(steps, step);
    auto clean = predict(z, times_at(now));
    if (step + 1 == steps.steps) {
      z = clean;
    } else {
      const double next = time_of_step(steps, step + 1), span = next - now;
      const auto slope = (clean - z) / (1 - now);
      const auto ahead = z + span * slope;
      if (steps.heun) {
        clean = predict(ahead, times_at(next));
        z = z + span / 2 * (slope + (clean - ahead) / (1 - next));
      } else {
        z = ahead;
      }
    }
    if (observer) observer(step, z, clean);
  }
  return z;
}

at::Tensor time_features(const at::Tensor& times, std::int64_t count) {
  const auto exponents = at::arange(count, times.options().dtype(at::kFloat)) *
                         (-std::log(1e4) / static_cast<double>(count - 1));
  const auto angles = at::outer(times.to(at::kFloat), exponents.exp());
  return at::cat({angles.sin(), angles.cos()}, 1);
}

}  // namespace neurosplat
