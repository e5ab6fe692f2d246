#include "training/fused_adam.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cmath>
#include <optional>
#include <utility>

namespace neurosplat {
namespace {

constexpr double kFirstDecay = 0.9, kSecondDecay = 0.999, kEpsilon = 1e-8;
/// Keeps the clipped norm below the limit by a hair, as torch's clip_grad_norm_ does.
constexpr double kNormMargin = 1e-6;

double norm_of(const std::vector<at::Tensor>& gradients) {
  return at::stack(at::_foreach_norm(gradients, 2)).norm().item<double>();
}

}  // namespace

FusedAdam::FusedAdam(std::vector<at::Tensor> parameters, double rate)
    : parameters_(std::move(parameters)), rate_(rate) {
  const at::NoGradGuard no_gradient;
  for (const auto& parameter : parameters_) {
    first_.push_back(at::zeros_like(parameter));
    second_.push_back(at::zeros_like(parameter));
  }
}

void FusedAdam::forget_gradients() {
  for (const auto& parameter : parameters_) parameter.mutable_grad() = at::Tensor();
}

double FusedAdam::step(double clip) {
  const at::NoGradGuard no_gradient;
  std::vector<at::Tensor> gradients;
  for (const auto& parameter : parameters_) {
    gradients.push_back(parameter.grad().defined() ? parameter.grad() : at::zeros_like(parameter));
  }
  const double norm = norm_of(gradients);
  if (!std::isfinite(norm)) return norm;
  ++steps_;
  const auto on_device = at::TensorOptions().dtype(at::kFloat).device(parameters_[0].device());
  // The kernel divides by this number while it reads the gradients.
  std::optional<at::Tensor> divisor;
  if (norm + kNormMargin > clip) divisor = at::full({}, (norm + kNormMargin) / clip, on_device);
  const std::vector<at::Tensor> steps(parameters_.size(),
                                      at::full({}, static_cast<double>(steps_), on_device));
  at::_fused_adam_(parameters_, gradients, first_, second_, {}, steps, rate_, kFirstDecay,
                   kSecondDecay, /*weight_decay=*/0, kEpsilon, /*amsgrad=*/false,
                   /*maximize=*/false, divisor);
  return norm;
}

void FusedAdam::restore(std::int64_t steps, const std::vector<at::Tensor>& first,
                        const std::vector<at::Tensor>& second) {
  const at::NoGradGuard no_gradient;
  steps_ = steps;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    first_[i].copy_(first[i]);
    second_[i].copy_(second[i]);
  }
}

}  // namespace neurosplat
