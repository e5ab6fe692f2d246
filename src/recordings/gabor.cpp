#include "recordings/gabor.h"

#include <ATen/ATen.h>

#include <cmath>
#include <numbers>

#include "neurosplat/core/error.h"

namespace neurosplat {
namespace {

constexpr double kLeastContrast = 0.05;

}  // namespace

at::Tensor gabor_filter(const GaborPlace& place, double phase, std::int64_t side) {
  const auto at_pixel = (at::arange(side, at::kFloat) + 0.5) / static_cast<double>(side);
  const auto x = at_pixel.unsqueeze(0) - place.x, y = at_pixel.unsqueeze(1) - place.y;
  const auto along = x * std::cos(place.orientation) + y * std::sin(place.orientation);
  const auto envelope = (-(x.square() + y.square()) / (2 * place.size * place.size)).exp();
  const auto wave = envelope * (2 * std::numbers::pi * place.frequency * along + phase).cos();
  return (wave - envelope * (wave.sum() / envelope.sum())).flatten();
}

at::Tensor contrast_of(const at::Tensor& pictures, std::int64_t side) {
  if (!pictures.defined() || pictures.dim() != 4 || pictures.size(1) != 3 ||
      pictures.scalar_type() != at::kByte) {
    throw Error("expected pictures uint8 [F, 3, H, W]");
  }
  auto grey = pictures.to(at::kFloat).div(255).mean(1, /*keepdim=*/true);
  if (grey.size(2) != side || grey.size(3) != side) {
    grey = at::adaptive_avg_pool2d(grey, {side, side});
  }
  const auto flat = grey.flatten(1);
  const auto centred = flat - flat.mean(1, true);
  return centred / centred.square().mean(1, true).sqrt().clamp_min(kLeastContrast);
}

}  // namespace neurosplat
