#include "systems/iterative_vae/free_energy.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cmath>
#include <numbers>

#include "systems/iterative_vae/loop/loop.h"

namespace neurosplat::ivae {

FreeEnergy::FreeEnergy(const IterativeVae& model) : poisson_(model.architecture().poisson()) {
  const at::NoGradGuard no_gradient;
  dictionary_ = model.state().at("decoder.weight").detach().clone();
  precision_ = model.scale().pow(-2);
  column_energy_ = at::mv(dictionary_.square().t(), precision_);
  if (model.architecture().has_gain()) gain_ = at::exp(model.state().at("log_gain"));
}

FreeEnergy::Moments FreeEnergy::moments(const InferenceState& state) const {
  if (poisson_) {
    const auto rate = at::exp(state[0]);
    return {rate, rate};
  }
  const auto sigma = at::exp(state[1]);
  if (!gain_.defined()) return {state[0], sigma.square()};
  // Of max(z, 0), z ~ N(mu, sigma^2): mu F + sigma f, (mu^2 + sigma^2) F + mu sigma f, with the
  // normal distribution F and density f at mu / sigma.
  const auto t = state[0] / sigma;
  const auto below = 0.5 * at::erfc(-t * std::numbers::sqrt2 / 2);
  const auto density = at::exp(-0.5 * t.square()) / std::sqrt(2 * std::numbers::pi);
  const auto mean = state[0] * below + sigma * density;
  const auto second = (state[0].square() + sigma.square()) * below + state[0] * sigma * density;
  return {gain_ * mean, gain_.square() * at::clamp_min(second - mean.square(), 0)};
}

at::Tensor FreeEnergy::mean_activity(const InferenceState& state) const {
  return moments(state).mean;
}

at::Tensor FreeEnergy::of(const at::Tensor& x, const InferenceState& state,
                          const InferenceState& prior) const {
  const auto [mean, variance] = moments(state);
  const auto left = x - at::matmul(mean, dictionary_.t());
  const auto expected =
      0.5 * (at::matmul(left.square(), precision_) + at::matmul(variance, column_energy_));
  return expected + divergence(state, prior, /*exact=*/true);
}

}  // namespace neurosplat::ivae
