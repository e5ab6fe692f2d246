#include "neurosplat/systems/iterative_vae/linear_readout.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <torch/optim/lbfgs.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "systems/iterative_vae/matrix_checks.h"

namespace neurosplat {
namespace {

/// Samples that logits are taken of at once: [8192, 512] in double precision are 32 MiB.
constexpr std::int64_t kSlice = 8192;

void check_labels(const at::Tensor& features, const at::Tensor& labels, std::int64_t classes) {
  check_matrix("features [N, K]", features);
  if (!labels.defined() || labels.scalar_type() != at::kLong || labels.dim() != 1 ||
      labels.size(0) != features.size(0)) {
    throw UsageError(text("expected int64 labels [", features.size(0), "], one a sample, got ",
                          described(labels), ": give the labels of these features"));
  }
  const auto least = labels.min().item<std::int64_t>(), most = labels.max().item<std::int64_t>();
  if (least >= 0 && most < classes) return;
  throw UsageError(text("expected labels from 0 to ", classes - 1, ", got ", least, " to ", most,
                        ": count the classes from 0"));
}

void check_fit(const at::Tensor& features, std::int64_t classes,
               const LinearReadoutSettings& settings) {
  if (classes < 2 || !(settings.penalty >= 0) || !std::isfinite(settings.penalty) ||
      settings.iterations < 1 || !(settings.tolerance > 0)) {
    throw UsageError(text("expected at least 2 classes, a penalty of at least 0, at least 1 ",
                          "iteration and a positive tolerance of a linear readout, got ", classes,
                          ", ", settings.penalty, ", ", settings.iterations, " and ",
                          settings.tolerance, ": change them"));
  }
  check_matrix("features [N, K]", features);
  if (!at::isfinite(features).all().item<bool>()) {
    throw UsageError(
        "expected features of finite numbers to fit a linear readout to, got NaN or "
        "infinity: check what they were taken from");
  }
}

at::Tensor standardised(const LinearReadout& readout, const at::Tensor& features) {
  return features.to(at::kDouble).sub(readout.mean).div_(readout.scale);
}

/// Cross-entropy and penalty per sample, and its derivatives, in closed form.
class Objective {
 public:
  Objective(at::Tensor inputs, at::Tensor labels, double penalty)
      : inputs_(std::move(inputs)),
        labels_(std::move(labels)),
        samples_(static_cast<double>(inputs_.size(0))),
        penalty_(penalty / samples_) {}

  /// Sets the gradients of both.
  at::Tensor operator()(at::Tensor& weights, at::Tensor& bias) const {
    const c10::NoGradGuard no_grad;
    const at::Tensor log_chances = at::addmm(bias, inputs_, weights.t()).log_softmax(1);
    const at::Tensor places = labels_.unsqueeze(1);
    const at::Tensor entropy = -log_chances.gather(1, places).sum() / samples_;
    at::Tensor errors = log_chances.exp();
    errors.scatter_add_(1, places, at::full_like(places, -1.0, at::kDouble)).div_(samples_);
    weights.mutable_grad() = at::addmm(weights, errors.t(), inputs_, penalty_);
    bias.mutable_grad() = errors.sum(0);
    return entropy + 0.5 * penalty_ * weights.square().sum();
  }

 private:
  at::Tensor inputs_, labels_;
  double samples_, penalty_;
};

}  // namespace

LinearReadout fit_linear_readout(const at::Tensor& features, const at::Tensor& labels,
                                 std::int64_t classes, const LinearReadoutSettings& settings) {
  check_fit(features, classes, settings);
  check_labels(features, labels, classes);
  const auto options = features.options().dtype(at::kDouble);
  LinearReadout readout;
  {
    const c10::NoGradGuard no_grad;
    const at::Tensor exact = features.detach().to(at::kDouble);
    readout.mean = exact.mean(0);
    readout.scale = exact.std(0, /*unbiased=*/false);
    // Equal values, not a small spread: the rounding of their mean leaves some.
    readout.scale.masked_fill_(exact.amax(0) == exact.amin(0), 1.0);
    readout.weights = at::zeros({classes, features.size(1)}, options);
    readout.bias = at::zeros({classes}, options);
  }
  const Objective objective(standardised(readout, features.detach()), labels, settings.penalty);
  readout.weights.requires_grad_();
  readout.bias.requires_grad_();
  torch::optim::LBFGS search({readout.weights, readout.bias},
                             torch::optim::LBFGSOptions(1.0)
                                 .max_iter(settings.iterations)
                                 .max_eval(2 * settings.iterations)
                                 .tolerance_grad(settings.tolerance)
                                 .tolerance_change(0.0)
                                 .history_size(20)
                                 .line_search_fn("strong_wolfe"));
  search.step([&] { return objective(readout.weights, readout.bias); });
  objective(readout.weights, readout.bias);
  readout.largest_derivative = std::max(readout.weights.grad().abs().max().item<double>(),
                                        readout.bias.grad().abs().max().item<double>());
  readout.weights = readout.weights.detach();
  readout.bias = readout.bias.detach();
  return readout;
}

at::Tensor logits(const LinearReadout& readout, const at::Tensor& features) {
  const c10::NoGradGuard no_grad;
  check_matrix("features [N, K]", features);
  if (features.size(1) != readout.mean.size(0)) {
    throw UsageError(text("expected ", readout.mean.size(0), " features a sample, got ",
                          features.size(1), ": use those that the readout was fitted to"));
  }
  at::Tensor out = at::empty({features.size(0), readout.bias.size(0)}, readout.bias.options());
  for (std::int64_t begin = 0; begin < features.size(0); begin += kSlice) {
    const std::int64_t count = std::min(kSlice, features.size(0) - begin);
    const at::Tensor part = standardised(readout, features.narrow(0, begin, count));
    out.narrow(0, begin, count).copy_(at::addmm(readout.bias, part, readout.weights.t()));
  }
  return out;
}

double accuracy(const LinearReadout& readout, const at::Tensor& features,
                const at::Tensor& labels) {
  const c10::NoGradGuard no_grad;
  check_labels(features, labels, readout.bias.size(0));
  const at::Tensor said = logits(readout, features).argmax(1);
  return (said == labels).to(at::kDouble).mean().item<double>();
}

}  // namespace neurosplat
