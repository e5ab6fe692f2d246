#include "systems/hierarchical_vae/likelihood.h"

#include <ATen/ATen.h>

namespace neurosplat {
namespace {

constexpr double kHalfStep = 1.0 / 255;  // of [-1, 1]
/// Values are 255ths, so that those at the ends are told apart with room.
constexpr double kEnd = 0.5 / 255;

}  // namespace

at::Tensor kl_divergence(const DiagonalNormal& from, const DiagonalNormal& to) {
  const auto apart = (from.mean - to.mean) * (-to.log_deviation).exp();
  const auto difference = from.log_deviation - to.log_deviation;
  return 0.5 * ((2 * difference).exp() + apart.square() - 1) - difference;
}

at::Tensor discretised_logistic_nats(const at::Tensor& values, const at::Tensor& mean,
                                     const at::Tensor& log_scale) {
  const auto sharpness = (-log_scale).exp();
  const auto centred = (2 * values - 1 - mean) * sharpness;
  const auto step = kHalfStep * sharpness;
  // sigmoid(a) - sigmoid(b) = sigmoid(a) sigmoid(-b) (1 - exp(b - a)), without a difference of
  // numbers that are almost alike.
  const auto above = at::log_sigmoid(centred + step);
  const auto below = at::log_sigmoid(step - centred);
  const auto between = (-at::expm1(-2 * step)).log();
  const auto first = values.lt(kEnd), last = values.gt(1 - kEnd);
  return -at::where(first, above, at::where(last, below, above + below + between));
}

}  // namespace neurosplat
