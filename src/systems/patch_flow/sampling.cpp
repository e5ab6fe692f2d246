#include "systems/patch_flow/sampling.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>

#include <vector>

#include "systems/patch_flow/patch_flow_update.h"

namespace neurosplat {

at::Tensor last_prediction(const PatchFlow& model, const at::Tensor& start, const FlowSteps& steps,
                           const std::function<void()>& stepped) {
  std::vector<at::Tensor> last;
  for (const auto& part : start.split(kSampledAtATime)) {
    at::Tensor predicted;
    follow_flow(
        [&](const at::Tensor& z, const at::Tensor& times) {
          predicted = model.predict(z, times);
          return model.draw(predicted);
        },
        part.to(model.device()), steps,
        [&](std::int64_t, const at::Tensor&, const at::Tensor&) {
          if (stepped) stepped();
        });
    last.push_back(predicted);
  }
  return at::cat(last);
}

at::Tensor sample_pictures(const PatchFlow& model, std::int64_t count, std::uint64_t seed,
                           const FlowSteps& steps, const std::function<void()>& stepped) {
  const at::NoGradGuard no_gradient;
  const auto side = model.architecture().image_size;
  const auto noise =
      at::randn({count, 3, side, side}, at::detail::createCPUGenerator(seed), at::kFloat);
  return unit_of(model.draw(last_prediction(model, noise, steps, stepped))).to(at::kCPU);
}

}  // namespace neurosplat
