#pragma once

#include <ATen/core/Tensor.h>

#include <limits>

/// Inference by natural gradients in a factorised Gaussian, after iterative VAEs (docs/sources.md).
///
/// Of latent numbers z with energy E(z) in nats (minus the log likelihood of what is seen) and a
/// Gaussian prior p, the posterior q = N(mean, sigma^2) has the free energy
///
///     F = <E(z)>_q + leak KL(q || p),   z = mean + sigma noise, noise ~ N(0, 1), xi = log sigma.
///
/// With the drive r = -dE/dz, noise held fixed,
///
///     dF/dmean = -<r> + leak (mean - mean_p) / sigma_p^2
///     dF/dxi   = -<r noise> sigma + leak (exp(2 (xi - xi_p)) - 1).
///
/// log q = -xi - (z - mean)^2 / (2 sigma^2) + constant, so d log q/dmean = noise / sigma and
/// d log q/dxi = noise^2 - 1. Their covariance under q, the Fisher information in (mean, xi), is
/// diag(1/sigma^2, 2), as <noise (noise^2 - 1)> = 0 and <(noise^2 - 1)^2> = 2. The steepest way
/// down in nats is therefore (-sigma^2 dF/dmean, -dF/dxi / 2).
///
/// With leak 1 it stands still where mean = mean_p + sigma_p^2 <r> and
/// 1/sigma^2 = 1/sigma_p^2 + <d2E/dz2>, the Gaussian that Bayes' rule gives where E is quadratic.
namespace neurosplat {

/// Both of one shape, one floating type, on one device.
struct GaussianState {
  at::Tensor mean;
  at::Tensor log_sigma;  ///< natural logarithm of the standard deviation
};

/// c tanh(x / c): x where it is small, never beyond ±c. c > 0; infinity gives x.
at::Tensor soft_clamp(const at::Tensor& x, double c);

/// The change of `state` that the natural gradient asks for, -Fisher^-1 grad F, unclamped, in the
/// state's shape. drive and noise: the state's shape, or [S, ...that shape] for S samples, of which
/// the mean is taken. noise 0 (z at the mean) moves sigma by the leak alone. `prior` may equal
/// `state`: the leak is then zero. All of it is differentiable.
GaussianState natural_descent(const GaussianState& state, const GaussianState& prior,
                              const at::Tensor& drive, const at::Tensor& noise, double leak);

/// How far a step goes. Infinity: no clamp.
struct GaussianStep {
  double rate_mean = 1, rate_log_sigma = 1;
  double leak = 0;  ///< weight of KL(q || p), >= 0
  // Clamps of the change of one step, and of the state after it (which draws it towards 0 a little;
  // iterative VAEs end their training with 7 and 2).
  double largest_mean_change = 7, largest_log_sigma_change = 3;
  double largest_mean = std::numeric_limits<double>::infinity();
  double largest_log_sigma = std::numeric_limits<double>::infinity();
};

/// C(state + C(rate * natural_descent)), C the soft clamps. Arguments as of natural_descent;
/// `state` is left as it is. Throws UsageError for shapes that do not fit, rates or clamps that are
/// not above 0 (rates may be 0) and a leak below 0.
GaussianState natural_step(const GaussianState& state, const GaussianState& prior,
                           const at::Tensor& drive, const at::Tensor& noise,
                           const GaussianStep& step);

}  // namespace neurosplat
