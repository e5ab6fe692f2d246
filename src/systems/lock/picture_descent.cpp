#include "systems/lock/picture_descent.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <numbers>
#include <vector>

#include "systems/lock/tensor_adam.h"

namespace neurosplat {
namespace {

/// Errors below it are told apart by rounding alone; PSNR ends there too.
constexpr double kSmallestError = 1e-10;

double falling(double rate, std::int64_t step, std::int64_t steps) {
  const double share = static_cast<double>(step) / static_cast<double>(steps);
  return 0.5 * rate * (1 + std::cos(std::numbers::pi * share));
}

}  // namespace

at::Tensor descend(const at::Tensor& start, const at::Tensor& pictures,
                   const std::function<at::Tensor(const at::Tensor& rows)>& draw,
                   const PictureDescent& descent) {
  const at::AutoGradMode gradients(true);
  auto rows = start.detach().to(at::kFloat).contiguous().clone();
  const auto best = rows.clone();
  TensorAdam adam(rows);
  std::vector<std::int64_t> as_rows(static_cast<std::size_t>(rows.dim()), 1);
  as_rows[0] = rows.size(0);
  at::Tensor least;
  for (std::int64_t step = 0; step <= descent.steps; ++step) {
    const auto variable = rows.detach().requires_grad_();
    const auto errors = (draw(variable) - pictures).square().mean({1, 2, 3});
    const auto now = errors.detach();
    if (step == 0) {
      least = now;
    } else {
      best.copy_(at::where((now < least).view(as_rows), rows, best));
      least = at::fmin(now, least);
    }
    if (step == descent.steps) break;
    // The logarithm makes steps as long for pictures that are close as for those that are not.
    const auto loss = (errors + kSmallestError).log().sum();
    adam.step(torch::autograd::grad({loss}, {variable})[0],
              falling(descent.rate, step, descent.steps));
    if (descent.after_step) descent.after_step();
  }
  return best;
}

}  // namespace neurosplat
