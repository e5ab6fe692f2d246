#include "systems/patch_flow/sampling.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>

#include <cmath>
#include <vector>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "systems/patch_flow/patch_flow_update.h"

namespace neurosplat {

void check(const GuidedConditions& guided) {
  if (!(guided.guidance >= 0 && std::isfinite(guided.guidance))) {
    throw UsageError(text("guidance: expected at least 0, got ", guided.guidance));
  }
  if (guided.guidance != 1 && guided.conditions.none()) {
    throw UsageError(text("guidance: expected 1 without conditions, got ", guided.guidance));
  }
}

at::Tensor last_prediction(const PatchFlow& model, const at::Tensor& start, const FlowSteps& steps,
                           const std::function<void()>& stepped, const GuidedConditions& guided) {
  check(guided);
  std::vector<at::Tensor> last;
  std::int64_t first = 0;
  for (const auto& part : start.split(kSampledAtATime)) {
    const auto conditions = guided.conditions.narrow(first, part.size(0));
    first += part.size(0);
    at::Tensor predicted;
    auto step = steps.first;
    follow_flow(
        [&](const at::Tensor& z, const at::Tensor& times) {
          predicted = model.predict(z, times, conditions);
          const auto clean = model.draw(predicted);
          if (guided.guidance == 1 || step + 1 == steps.steps) return clean;
          const auto unasked = model.clean(z, times);
          return unasked + guided.guidance * (clean - unasked);
        },
        part.to(model.device()), steps,
        [&](std::int64_t, const at::Tensor&, const at::Tensor&) {
          ++step;
          if (stepped) stepped();
        });
    last.push_back(predicted);
  }
  return at::cat(last);
}

at::Tensor sample_pictures(const PatchFlow& model, std::int64_t count, std::uint64_t seed,
                           const FlowSteps& steps, const std::function<void()>& stepped,
                           const GuidedConditions& guided) {
  const at::NoGradGuard no_gradient;
  const auto side = model.architecture().image_size;
  const auto noise =
      at::randn({count, 3, side, side}, at::detail::createCPUGenerator(seed), at::kFloat);
  return unit_of(model.draw(last_prediction(model, noise, steps, stepped, guided))).to(at::kCPU);
}

}  // namespace neurosplat
