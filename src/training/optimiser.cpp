#include "neurosplat/training/optimiser.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cmath>
#include <utility>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/processes/process_group.h"
#include "neurosplat/training/option_range.h"

namespace neurosplat {
namespace {

/// Keeps the clipped norm below the limit by a hair, as torch's clip_grad_norm_ does.
constexpr double kNormMargin = 1e-6;

/// at::_fused_adam_ and at::_fused_adamw_, those with the learning rate as a number.
using FusedKernel = void (*)(at::TensorList, at::TensorList, at::TensorList, at::TensorList,
                             at::TensorList, at::TensorList, double, double, double, double, double,
                             bool, bool, const std::optional<at::Tensor>&,
                             const std::optional<at::Tensor>&);

void check_share(const char* name, double value) {
  if (value >= 0 && value < 1) return;
  throw UsageError(text(name, ": expected a number from 0 to below 1, got ", value));
}

void check_weights(const std::string& name, const at::Tensor& tensor, const at::Device& device) {
  if (tensor.scalar_type() != at::kFloat) {
    throw Error(text("optimiser: expected '", name, "' in float32, got ", tensor.scalar_type()));
  }
  if (tensor.device() != device) {
    throw Error(text("optimiser: expected '", name, "' on ", device, ", got ", tensor.device()));
  }
  // The fused kernels walk through memory, not along strides.
  if (!tensor.is_leaf() || !tensor.is_non_overlapping_and_dense()) {
    throw Error(text("optimiser: expected '", name, "' to be a dense leaf, got a view or result"));
  }
}

double norm_of(const std::vector<at::Tensor>& gradients) {
  return at::stack(at::_foreach_norm(gradients, 2)).norm().item<double>();
}

}  // namespace

std::string name_of(OptimiserKind kind) {
  if (kind == OptimiserKind::adam) return "adam";
  return kind == OptimiserKind::adamw ? "adamw" : "adamax";
}

OptimiserKind optimiser_from_name(const std::string& name) {
  check_option("optimiser", OneOf{{"adam", "adamw", "adamax"}}, name);
  if (name == "adam") return OptimiserKind::adam;
  return name == "adamw" ? OptimiserKind::adamw : OptimiserKind::adamax;
}

void check(const OptimiserOptions& options) {
  check_option("lr", Positive{}, options.lr);
  check_share("beta1", options.beta1);
  check_share("beta2", options.beta2);
  check_option("epsilon", Positive{}, options.epsilon);
  check_option("weight_decay", AtLeast{0}, options.weight_decay);
  check_option("clip", AtLeast{0}, options.clip);
  check_option("skip", AtLeast{0}, options.skip);
  check_option("accumulate", AtLeast{1}, options.accumulate);
  check_share("average", options.average);
}

Optimiser::Optimiser(const std::map<std::string, at::Tensor>& named,
                     const OptimiserOptions& options)
    : options_(options), rate_(options.lr) {
  check(options_);
  const at::NoGradGuard no_gradient;
  for (const auto& [name, tensor] : named) {
    if (!tensor.requires_grad()) continue;
    check_weights(name, tensor, parameters_.empty() ? tensor.device() : parameters_[0].device());
    names_.push_back(name);
    parameters_.push_back(tensor);
    first_.push_back(at::zeros_like(tensor));
    second_.push_back(at::zeros_like(tensor));
  }
  if (parameters_.empty()) {
    throw Error("optimiser: expected tensors that require a gradient, got none");
  }
}

void Optimiser::set_learning_rate(double rate) {
  if (!(std::isfinite(rate) && rate >= 0)) {
    throw Error(text("learning rate: expected a number of at least 0, got ", rate));
  }
  rate_ = rate;
}

void Optimiser::set_clip(double norm) {
  if (!(std::isfinite(norm) && norm >= 0)) {
    throw Error(text("clip: expected a number of at least 0, got ", norm));
  }
  options_.clip = norm;
}

void Optimiser::forget_gradients() {
  for (const auto& parameter : parameters_) parameter.mutable_grad() = at::Tensor();
}

void Optimiser::backward(const at::Tensor& loss) {
  // With none there, the backward pass hands over its own buffers, without an addition.
  if (pending_ == 0) forget_gradients();
  const auto done = std::exchange(pending_, 0);  // so that half a backward pass is forgotten
  if (options_.accumulate == 1) {
    loss.backward();
  } else {
    (loss / static_cast<double>(options_.accumulate)).backward();
  }
  pending_ = done + 1;
}

bool Optimiser::step_if_due() {
  if (pending_ < options_.accumulate) return false;
  const at::NoGradGuard no_gradient;
  pending_ = 0;
  const auto gradients = this->gradients();
  processes::average(gradients);
  const double norm = norm_of(gradients);
  if (!std::isfinite(norm)) {
    forget_gradients();
    throw Error("the gradient is not finite");
  }
  gradient_norm_ = norm;
  if (options_.skip > 0 && norm > options_.skip) {
    forget_gradients();
    return false;
  }
  ++steps_;
  std::optional<double> divisor;
  if (options_.clip > 0 && norm + kNormMargin > options_.clip) {
    divisor = (norm + kNormMargin) / options_.clip;
  }
  options_.kind == OptimiserKind::adamax ? move_adamax(gradients, divisor)
                                         : move_fused(gradients, divisor);
  if (options_.average > 0) update_average();
  return true;
}

std::vector<at::Tensor> Optimiser::gradients() const {
  std::vector<at::Tensor> gradients;
  for (const auto& parameter : parameters_) {
    gradients.push_back(parameter.grad().defined() ? parameter.grad() : at::zeros_like(parameter));
  }
  return gradients;
}

void Optimiser::move_fused(const std::vector<at::Tensor>& gradients,
                           std::optional<double> divisor) {
  const auto& o = options_;
  const auto on_device = at::TensorOptions().dtype(at::kFloat).device(parameters_[0].device());
  // The kernel divides by this number while it reads the gradients.
  std::optional<at::Tensor> scale;
  if (divisor) scale = at::full({}, *divisor, on_device);
  const std::vector<at::Tensor> steps(parameters_.size(),
                                      at::full({}, static_cast<double>(steps_), on_device));
  const auto kernel = o.kind == OptimiserKind::adamw ? static_cast<FusedKernel>(at::_fused_adamw_)
                                                     : static_cast<FusedKernel>(at::_fused_adam_);
  kernel(parameters_, gradients, first_, second_, {}, steps, rate_, o.beta1, o.beta2,
         o.weight_decay, o.epsilon, /*amsgrad=*/false, /*maximize=*/false, scale, {});
}

void Optimiser::move_adamax(const std::vector<at::Tensor>& gradients,
                            std::optional<double> divisor) {
  const auto& o = options_;
  if (divisor) at::_foreach_div_(gradients, *divisor);
  if (o.weight_decay > 0) at::_foreach_add_(gradients, parameters_, o.weight_decay);
  at::_foreach_lerp_(first_, gradients, 1 - o.beta1);
  at::_foreach_mul_(second_, o.beta2);
  at::_foreach_abs_(gradients);
  at::_foreach_add_(gradients, o.epsilon);
  at::_foreach_maximum_(second_, gradients);
  const double correction = 1 - std::pow(o.beta1, static_cast<double>(steps_));
  at::_foreach_addcdiv_(parameters_, first_, second_, -rate_ / correction);
}

void Optimiser::update_average() {
  if (average_.empty()) {
    for (const auto& parameter : parameters_) average_.push_back(parameter.detach().clone());
  } else {
    at::_foreach_lerp_(average_, parameters_, 1 - options_.average);
  }
}

std::map<std::string, at::Tensor> Optimiser::averaged() const {
  const auto& source = average_.empty() ? parameters_ : average_;
  std::map<std::string, at::Tensor> named;
  for (std::size_t i = 0; i < names_.size(); ++i) named[names_[i]] = source[i].detach();
  return named;
}

}  // namespace neurosplat
