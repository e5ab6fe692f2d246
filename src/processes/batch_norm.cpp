#include "neurosplat/processes/batch_norm.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "neurosplat/processes/process_group.h"

namespace neurosplat::processes {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

at::Tensor means_of_channels(const at::Tensor& maps) {
  return maps.mean(at::IntArrayRef{0, 2, 3});
}

at::Tensor by_channel(const at::Tensor& numbers) {
  return numbers.view({1, -1, 1, 1});
}

/// (x - m) / sqrt(v + epsilon) of float32 maps with m and v given. They depend on the maps too:
/// with g the gradient of the result, that of x is (g - mean g - y mean(g y)) / sqrt(v + epsilon),
/// the means taken over the rows of all processes.
struct Standardise : torch::autograd::Function<Standardise> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& maps,
                            const at::Tensor& mean, const at::Tensor& variance, double epsilon) {
    const auto scale = (variance + epsilon).rsqrt();
    const auto result = (maps - by_channel(mean)) * by_channel(scale);
    context->save_for_backward({result, scale});
    return result;
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const auto &result = saved[0], &scale = saved[1];
    const auto& g = gradients[0];
    const auto means = processes::mean(
        at::stack({means_of_channels(g), means_of_channels(g * result)}).to(at::kDouble));
    const auto plain = means[0].to(at::kFloat), along = means[1].to(at::kFloat);
    return {(g - by_channel(plain) - result * by_channel(along)) * by_channel(scale), {}, {}, {}};
  }
};

}  // namespace

at::Tensor BatchNorm2dImpl::forward(const at::Tensor& maps) {
  if (alone() || !is_training()) return torch::nn::BatchNorm2dImpl::forward(maps);
  const auto x = maps.to(at::kFloat);
  at::Tensor mean, variance;
  {
    const at::NoGradGuard no_gradient;
    // In double precision, in which the square of the mean may be taken off again.
    const auto own_mean = means_of_channels(x).to(at::kDouble);
    const auto own_variance = x.var(at::IntArrayRef{0, 2, 3}, /*unbiased=*/false).to(at::kDouble);
    const auto moments = processes::mean(at::stack({own_mean, own_variance + own_mean.square()}));
    mean = moments[0].to(at::kFloat);
    variance = (moments[1] - moments[0].square()).clamp_min(0).to(at::kFloat);
    num_batches_tracked += 1;
    const double count =
        static_cast<double>(x.numel() / x.size(1)) * static_cast<double>(processes::count());
    const double share =
        options.momentum() ? *options.momentum() : 1 / num_batches_tracked.item<double>();
    running_mean.lerp_(mean, share);
    running_var.lerp_(variance * (count / (count - 1)), share);
  }
  const auto standard = Standardise::apply(x, mean, variance, options.eps());
  return (standard * by_channel(weight) + by_channel(bias)).to(maps.scalar_type());
}

}  // namespace neurosplat::processes
