#include "neurosplat/regression/threshold_power.h"

#include <ATen/ATen.h>

#include <limits>

#include "neurosplat/core/error.h"

namespace neurosplat {
namespace {

constexpr double kExponents[] = {1, 1.5, 2, 3};
constexpr int kQuantiles = 9;

}  // namespace

at::Tensor ThresholdPower::operator()(const at::Tensor& x) const {
  return base + gain * (x.to(at::kDouble) - threshold).clamp_min(0).pow(exponent);
}

ThresholdPower fit_threshold_power(const at::Tensor& given_x, const at::Tensor& given_y) {
  if (given_x.dim() != 2 || given_x.sizes() != given_y.sizes() || given_x.size(0) < 2) {
    throw Error("threshold and power: expected x and y [N, U] alike, two rows at least");
  }
  const auto x = given_x.to(at::kDouble), y = given_y.to(at::kDouble);
  const auto centred = y - y.mean(0);
  ThresholdPower best{at::zeros({x.size(1)}, x.options()), at::ones({x.size(1)}, x.options()),
                      at::zeros({x.size(1)}, x.options()), y.mean(0)};
  auto least = at::full({x.size(1)}, std::numeric_limits<double>::infinity(), x.options());
  for (int i = 0; i < kQuantiles; ++i) {
    const auto threshold = at::quantile(x, i / 10.0, 0);
    for (const double exponent : kExponents) {
      const auto rise = (x - threshold).clamp_min(0).pow(exponent);
      const auto varied = rise - rise.mean(0);
      const auto square = varied.square().sum(0);
      const auto gain =
          at::where(square > 0, (varied * centred).sum(0) / square, at::zeros_like(square))
              .clamp_min(0);
      const auto error = (centred - gain * varied).square().sum(0);
      const auto better = error < least;
      least = at::where(better, error, least);
      best.threshold = at::where(better, threshold, best.threshold);
      best.exponent.masked_fill_(better, exponent);
      best.gain = at::where(better, gain, best.gain);
      best.base = at::where(better, y.mean(0) - gain * rise.mean(0), best.base);
    }
  }
  return best;
}

}  // namespace neurosplat
