#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace neurosplat {

/// Adam with betas .9 and .999, epsilon 1e-8 and no weight decay, clipped by the gradient's norm.
/// One pass of LibTorch's fused kernel over each parameter; torch::optim::Adam makes seven.
class FusedAdam {
 public:
  /// Parameters are leaves, each dense in some order of its dimensions.
  FusedAdam(std::vector<at::Tensor> parameters, double rate);

  void set_learning_rate(double rate) { rate_ = rate; }
  /// Forgets the gradients: the next backward pass hands over its own buffers, without an addition.
  void forget_gradients();
  /// Scales the gradients down to norm `clip` where it is larger and moves the parameters. Returns
  /// the norm before; when that is not finite, nothing is changed. A parameter without a gradient
  /// counts as one whose gradient is zero.
  double step(double clip);

  const std::vector<at::Tensor>& parameters() const { return parameters_; }
  std::int64_t steps() const { return steps_; }
  /// Running means of the gradients and of their squares, laid out as the parameters.
  const std::vector<at::Tensor>& first_moments() const { return first_; }
  const std::vector<at::Tensor>& second_moments() const { return second_; }
  /// Continues after `steps` steps that left these moments, which are copied.
  void restore(std::int64_t steps, const std::vector<at::Tensor>& first,
               const std::vector<at::Tensor>& second);

 private:
  std::vector<at::Tensor> parameters_, first_, second_;
  double rate_;
  std::int64_t steps_ = 0;
};

}  // namespace neurosplat
