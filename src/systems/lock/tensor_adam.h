#pragma once

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cstdint>
#include <utility>

namespace neurosplat {

/// Adam on a single tensor, betas .9 and .999 as torch's default.
class TensorAdam {
 public:
  explicit TensorAdam(at::Tensor value) : value_(std::move(value)) {
    first_ = at::zeros_like(value_);
    second_ = at::zeros_like(value_);
  }

  void step(const at::Tensor& gradient, double rate) {
    constexpr double kFirst = 0.9, kSecond = 0.999, kEpsilon = 1e-8;
    const at::NoGradGuard no_gradient;
    ++steps_;
    const auto step = at::full({}, static_cast<double>(steps_), at::kFloat);
    at::_fused_adam_({value_}, {gradient}, {first_}, {second_}, {}, {step}, rate, kFirst, kSecond,
                     0, kEpsilon, false, false);
  }

 private:
  at::Tensor value_, first_, second_;
  std::int64_t steps_ = 0;
};

}  // namespace neurosplat
