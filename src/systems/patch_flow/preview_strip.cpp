#include "systems/patch_flow/preview_strip.h"

#include <ATen/ATen.h>

#include <vector>

#include "neurosplat/figure/picture_grid.h"
#include "systems/patch_flow/patch_flow_update.h"

namespace neurosplat {
namespace {

constexpr std::int64_t kStepsARow = 4;

}  // namespace

at::Tensor preview_strip(const PatchFlow& model, const at::Tensor& noise, const FlowSteps& steps,
                         const Conditions& conditions, const at::Tensor& described) {
  std::vector<at::Tensor> rows = {unit_of(noise)};
  follow_flow([&](const at::Tensor& z,
                  const at::Tensor& times) { return model.clean(z, times, conditions); },
              noise, steps,
              [&](std::int64_t step, const at::Tensor&, const at::Tensor& clean) {
                if ((step + 1) % kStepsARow == 0 || step + 1 == steps.steps) {
                  rows.push_back(unit_of(clean));
                }
              });
  if (described.defined()) rows.push_back(described);
  return picture_grid(at::cat(rows), noise.size(0));
}

}  // namespace neurosplat
