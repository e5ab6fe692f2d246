#include "neurosplat/processes/batch_norm.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <tuple>

#include "neurosplat/processes/process_group.h"

namespace neurosplat::processes {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

double count_of(const at::Tensor& maps) {
  return static_cast<double>(maps.numel() / maps.size(1));
}

/// w (x - m) / sqrt(v + epsilon) + b in one pass, in the type of the maps.
at::Tensor scaled(const at::Tensor& maps, const at::Tensor& weight, const at::Tensor& bias,
                  const at::Tensor& mean, const at::Tensor& variance, double epsilon) {
  return std::get<0>(at::native_batch_norm(maps, weight, bias, mean, variance, /*training=*/false,
                                           /*momentum=*/0.0, epsilon));
}

/// scaled() with m and v of the rows of all processes, on which they depend: with g the gradient of
/// the result, y the standardised maps and s = w / sqrt(v + epsilon), that of x is
/// s (g - mean g - y mean(g y)), the means taken over all rows.
struct Normalise : torch::autograd::Function<Normalise> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& maps,
                            const at::Tensor& weight, const at::Tensor& bias,
                            const at::Tensor& mean, const at::Tensor& variance, double epsilon) {
    context->save_for_backward({maps, weight, mean, variance});
    context->saved_data["epsilon"] = epsilon;
    return scaled(maps, weight, bias, mean, variance, epsilon);
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const auto &maps = saved[0], &weight = saved[1], &mean = saved[2], &variance = saved[3];
    const double epsilon = context->saved_data["epsilon"].toDouble();
    const auto inverse = (variance + epsilon).rsqrt();
    // The sums over this process's rows of g y and g, which are also the gradients of w and b.
    const auto [unused, along, plain] =
        at::native_batch_norm_backward(gradients[0], maps, weight, {}, {}, mean, inverse,
                                       /*train=*/true, epsilon, {false, true, true});
    const auto means =
        processes::mean(at::stack({along, plain}).to(at::kDouble) / count_of(maps)).to(at::kFloat);
    const auto scale = weight * inverse;
    auto gradient = scaled(maps, -scale * means[0], -scale * means[1], mean, variance, epsilon);
    gradient += scaled(gradients[0], scale, at::zeros_like(scale), at::zeros_like(scale),
                       at::ones_like(scale), /*epsilon=*/0.0);
    return {gradient, along, plain, {}, {}, {}};
  }
};

}  // namespace

at::Tensor BatchNorm2dImpl::forward(const at::Tensor& maps) {
  if (alone() || !is_training()) return torch::nn::BatchNorm2dImpl::forward(maps);
  at::Tensor mean, variance;
  {
    const at::NoGradGuard no_gradient;
    // Copies: with statistics in float32 it answers in float32 for maps in bf16 too.
    const auto [own_mean, own_variance] =
        at::batch_norm_update_stats(maps, running_mean.clone(), running_var.clone(), 0.0);
    // In double precision, in which the square of the mean may be taken off again.
    const auto m = own_mean.to(at::kDouble);
    const auto moments = processes::mean(at::stack({m, own_variance.to(at::kDouble) + m.square()}));
    mean = moments[0].to(at::kFloat);
    variance = (moments[1] - moments[0].square()).clamp_min(0).to(at::kFloat);
    num_batches_tracked += 1;
    const double count = count_of(maps) * static_cast<double>(processes::count());
    const double share =
        options.momentum() ? *options.momentum() : 1 / num_batches_tracked.item<double>();
    running_mean.lerp_(mean, share);
    running_var.lerp_(variance * (count / (count - 1)), share);
  }
  return Normalise::apply(maps, weight, bias, mean, variance, options.eps());
}

}  // namespace neurosplat::processes
