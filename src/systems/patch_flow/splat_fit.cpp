#include "neurosplat/systems/patch_flow/splat_fit.h"

#include <ATen/ATen.h>

#include <cmath>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/training/optimiser.h"
#include "neurosplat/training/schedule.h"
#include "systems/patch_flow/patch_flow_update.h"

namespace neurosplat {
namespace {

void check(const at::Tensor& pictures, const SplatFit& fit) {
  const auto tile = fit.form.tile;
  if (pictures.dim() != 4 || pictures.size(1) != 3 || pictures.size(2) % tile != 0 ||
      pictures.size(3) % tile != 0) {
    throw UsageError(text("pictures: expected [B, 3, H, W] with sides that are multiples of ", tile,
                          " pixels, got ", pictures.sizes()));
  }
  if (fit.steps < 1) throw UsageError(text("steps: expected at least 1, got ", fit.steps));
}

at::Tensor mean_gradient(const at::Tensor& pictures) {
  return pictures.diff(1, 2).abs().mean() + pictures.diff(1, 3).abs().mean();
}

}  // namespace

at::Tensor splats_on_a_grid(std::int64_t splats) {
  const auto side = std::llround(std::sqrt(static_cast<double>(splats)));
  if (side * side != splats) {
    throw UsageError(text("splats: expected a square number, got ", splats));
  }
  const auto along =
      at::atanh((at::arange(side, at::kFloat) + 0.5) / static_cast<double>(side) - 0.5);
  auto numbers = at::zeros({splats, patches::kNumbers}, at::kFloat);
  numbers.select(1, patches::kOffsetX).copy_(along.repeat({side}));
  numbers.select(1, patches::kOffsetY).copy_(along.repeat_interleave(side));
  return numbers;
}

at::Tensor fit_splats(const at::Tensor& pictures, const SplatFit& fit,
                      const std::function<void()>& stepped) {
  check(pictures, fit);
  const auto rows = pictures.size(2) / fit.form.tile, columns = pictures.size(3) / fit.form.tile;
  auto raw = splats_on_a_grid(fit.splats)
                 .expand({pictures.size(0), rows, columns, -1, -1})
                 .contiguous()
                 .set_requires_grad(true);
  Optimiser adam({{"splats", raw}}, {.lr = fit.rate});
  const Schedule schedule{.kind = ScheduleKind::cosine, .span = fit.steps, .floor = 0.1};
  const auto target = signed_of(pictures);
  for (std::int64_t step = 0; step < fit.steps; ++step) {
    adam.set_learning_rate(fit.rate * schedule.factor(step));
    const auto drawn = patches::render(patches::activate(raw, fit.activation), fit.form);
    adam.backward_and_step((drawn - target).square().mean());
    if (stepped) stepped();
  }
  return raw.detach();
}

double gradient_energy_ratio(const at::Tensor& pictures, const at::Tensor& target) {
  return mean_gradient(pictures).item<double>() / mean_gradient(target).item<double>();
}

}  // namespace neurosplat
