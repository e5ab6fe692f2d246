#include "neurosplat/systems/patch_flow/picture_refinement.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>

#include <cmath>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/training/flow_matching.h"
#include "systems/patch_flow/patch_flow_update.h"
#include "systems/patch_flow/sampling.h"

namespace neurosplat {

at::Tensor refined_pictures(const PatchFlow& model, const at::Tensor& pictures,
                            const RefinementSteps& refinement, const Conditions& conditions,
                            const std::function<void()>& stepped) {
  if (!(refinement.strength > 0 && refinement.strength <= 1)) {
    throw UsageError(text("strength: expected above 0, at most 1, got ", refinement.strength));
  }
  const auto side = model.architecture().image_size;
  if (pictures.dim() != 4 || pictures.sizes().slice(1) != at::IntArrayRef({3, side, side})) {
    throw UsageError(
        text("expected pictures [B, 3, ", side, ", ", side, "], got ", pictures.sizes()));
  }
  for (const auto& rows : {conditions.vision, conditions.semantic, conditions.weights}) {
    if (rows.defined() && (rows.dim() != 2 || rows.size(0) != pictures.size(0))) {
      throw UsageError(text("conditions: expected a row for each of ", pictures.size(0),
                            " pictures, got ", rows.sizes()));
    }
  }
  FlowSteps steps{.steps = refinement.steps};
  const auto anew = std::llround(refinement.strength * static_cast<double>(steps.steps));
  steps.first = steps.steps - std::max<std::int64_t>(anew, 1);
  check(steps);
  const at::NoGradGuard no_gradient;
  const double share = time_of_step(steps, steps.first);
  const auto noise =
      at::randn(pictures.sizes(), at::detail::createCPUGenerator(refinement.seed), at::kFloat);
  const auto start = share * signed_of(pictures.to(at::kCPU, at::kFloat)) + (1 - share) * noise;
  return unit_of(model.draw(last_prediction(model, start, steps, stepped,
                                            {conditions, refinement.guidance})))
      .to(at::kCPU);
}

}  // namespace neurosplat
