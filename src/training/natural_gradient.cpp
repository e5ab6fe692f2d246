#include "neurosplat/training/natural_gradient.h"

#include <ATen/ATen.h>

#include <cmath>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"

namespace neurosplat {
namespace {

void check(const GaussianStep& step) {
  for (const double value : {step.rate_mean, step.rate_log_sigma, step.leak}) {
    if (std::isfinite(value) && value >= 0) continue;
    throw UsageError(text("natural step: expected rates and a leak >= 0, got ", value));
  }
  for (const double value : {step.largest_mean_change, step.largest_log_sigma_change,
                             step.largest_mean, step.largest_log_sigma}) {
    if (value > 0) continue;
    throw UsageError(text("natural step: expected clamps above 0, got ", value));
  }
}

void expect_shape(const char* name, const at::Tensor& tensor, at::IntArrayRef shape) {
  if (tensor.sizes() == shape) return;
  throw UsageError(
      text("natural step: expected ", name, " of shape ", shape, ", got ", tensor.sizes()));
}

/// [S, ...] to the mean over S; what has the state's shape already is one sample.
at::Tensor over_samples(const at::Tensor& values, const GaussianState& state) {
  return values.dim() > state.mean.dim() ? values.mean(0) : values;
}

at::Tensor moved(const at::Tensor& from, const at::Tensor& change, double rate,
                 double largest_change, double largest) {
  return soft_clamp(from + soft_clamp(rate * change, largest_change), largest);
}

}  // namespace

at::Tensor soft_clamp(const at::Tensor& x, double c) {
  return std::isinf(c) ? x : c * at::tanh(x / c);
}

GaussianState natural_descent(const GaussianState& state, const GaussianState& prior,
                              const at::Tensor& drive, const at::Tensor& noise, double leak) {
  const auto shape = state.mean.sizes();
  expect_shape("log sigma", state.log_sigma, shape);
  expect_shape("the prior's mean", prior.mean, shape);
  expect_shape("the prior's log sigma", prior.log_sigma, shape);
  expect_shape("noise", noise, drive.sizes());
  const bool samples = drive.dim() == state.mean.dim() + 1 && drive.size(0) > 0;
  expect_shape("drive", samples ? drive[0] : drive, shape);

  const auto variance = at::exp(2 * state.log_sigma);
  const auto towards_prior = (state.mean - prior.mean) * at::exp(-2 * prior.log_sigma);
  const auto too_wide = at::expm1(2 * (state.log_sigma - prior.log_sigma));
  const auto stretch = over_samples(drive * noise, state) * at::exp(state.log_sigma);
  return {variance * (over_samples(drive, state) - leak * towards_prior),
          0.5 * (stretch - leak * too_wide)};
}

GaussianState natural_step(const GaussianState& state, const GaussianState& prior,
                           const at::Tensor& drive, const at::Tensor& noise,
                           const GaussianStep& step) {
  check(step);
  const auto change = natural_descent(state, prior, drive, noise, step.leak);
  return {
      moved(state.mean, change.mean, step.rate_mean, step.largest_mean_change, step.largest_mean),
      moved(state.log_sigma, change.log_sigma, step.rate_log_sigma, step.largest_log_sigma_change,
            step.largest_log_sigma)};
}

}  // namespace neurosplat
