#include "neurosplat/data/whitening.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"

namespace neurosplat {
namespace {

void check_options(const WhiteningOptions& options) {
  if (!(options.cutoff > 0) || !std::isfinite(options.cutoff))
    throw UsageError(text("expected a cutoff above 0 cycles/px, got ", options.cutoff));
  if (options.neighbourhood < 3 || options.neighbourhood > 255 || options.neighbourhood % 2 == 0)
    throw UsageError(
        text("expected an odd neighbourhood of 3 to 255 pixels, got ", options.neighbourhood));
  if (!(options.spread > 0) || !std::isfinite(options.spread))
    throw UsageError(text("expected a spread above 0, got ", options.spread));
  if (options.border < 0 || options.border > 4096)
    throw UsageError(text("expected a border of 0 to 4096 pixels, got ", options.border));
}

void check_picture(const at::Tensor& picture, const WhiteningOptions& options) {
  if (picture.dim() != 2 || picture.scalar_type() != at::kDouble)
    throw Error(
        text("expected a picture, float64 [H, W], got ", picture.toString(), " ", picture.sizes()));
  const auto least = std::max(options.neighbourhood, 2 * options.border + 1);
  if (picture.size(0) < least || picture.size(1) < least)
    throw Error(text("expected a picture of at least ", least, "x", least, " pixels, got ",
                     picture.size(1), "x", picture.size(0), ": leave it out"));
  if (!at::isfinite(picture).all().item<bool>())
    throw Error("expected a picture of finite numbers, some are not: leave it out");
}

[[noreturn]] void refuse_flat() {
  throw Error("expected a picture with contrast, it is the same everywhere: leave it out");
}

at::Tensor frequencies(std::int64_t pixels, bool mirrored) {
  return mirrored ? at::linspace(-0.5, 0.5, pixels, at::kDouble)
                  : at::fft_fftfreq(pixels, 1.0, at::TensorOptions(at::kDouble));
}

// Of a real picture only half of the spectrum is needed. A filter that is not the same at f and -f,
// as the mirrored one, would give a complex picture, whose real part is that of both's mean.
at::Tensor filtered(const at::Tensor& picture, const WhiteningOptions& options) {
  const auto height = picture.size(0), width = picture.size(1);
  const auto squared = frequencies(height, options.mirrored).square().unsqueeze(1) +
                       frequencies(width, options.mirrored).square();
  const auto filter =
      squared.sqrt() * at::exp(-(squared / (options.cutoff * options.cutoff)).square());
  const auto opposite = filter.flip({0, 1}).roll({1, 1}, {0, 1});
  const auto gains = ((filter + opposite) / 2).narrow(1, 0, width / 2 + 1);
  return at::fft_irfft2(at::fft_rfft2(picture) * gains, at::IntArrayRef{height, width});
}

// Of one axis; those of a window are their products, with the sum 1.
std::vector<double> window_weights(const WhiteningOptions& options) {
  std::vector<double> weights;
  const auto radius = static_cast<double>(options.neighbourhood / 2);
  double sum = 0;
  for (std::int64_t i = 0; i < options.neighbourhood; ++i) {
    const double r = (static_cast<double>(i) - radius) / radius;
    weights.push_back(std::exp(-r * r / options.spread));
    sum += weights.back();
  }
  for (auto& weight : weights) weight /= sum;
  return weights;
}

// The weighted sum over each pixel's neighbours along the first axis, zeros outside: whole rows at
// a time.
at::Tensor weighted_rows(const at::Tensor& values, const std::vector<double>& weights) {
  const auto height = values.size(0), width = values.size(1);
  const auto radius = static_cast<std::int64_t>(weights.size() / 2);
  auto sums = at::zeros_like(values, at::MemoryFormat::Contiguous);
  const auto* from = values.const_data_ptr<double>();
  auto* to = sums.mutable_data_ptr<double>();
  for (std::int64_t row = 0; row < height; ++row)
    for (auto other = std::max<std::int64_t>(0, row - radius);
         other <= std::min(height - 1, row + radius); ++other) {
      const double weight = weights[static_cast<std::size_t>(other - row + radius)];
      for (std::int64_t column = 0; column < width; ++column)
        to[row * width + column] += weight * from[other * width + column];
    }
  return sums;
}

at::Tensor local_mean(const at::Tensor& values, const std::vector<double>& weights) {
  const auto down = weighted_rows(values.contiguous(), weights);
  return weighted_rows(down.t().contiguous(), weights).t();
}

at::Tensor even_contrast(const at::Tensor& values, const WhiteningOptions& options) {
  const auto weights = window_weights(options);
  const auto centred = values - local_mean(values, weights);
  const auto deviation = local_mean(centred.square(), weights).sqrt();
  return centred / at::maximum(deviation, deviation.mean());
}

}  // namespace

at::Tensor whitened(const at::Tensor& picture, const WhiteningOptions& options) {
  const at::NoGradGuard no_gradients;
  check_options(options);
  check_picture(picture, options);
  if (picture.eq(picture[0][0]).all().item<bool>()) refuse_flat();
  const auto white = filtered(picture, options);
  // What is left of no contrast by rounding; also where the filter takes away all there is.
  const double rounding = 1e-12 * picture.abs().max().item<double>();
  if (!(white.abs().max().item<double>() > rounding)) refuse_flat();
  const auto even = even_contrast(white, options);
  const auto scores = (even - even.mean()) / even.std();
  const auto border = options.border;
  return scores.narrow(0, border, picture.size(0) - 2 * border)
      .narrow(1, border, picture.size(1) - 2 * border)
      .contiguous();
}

}  // namespace neurosplat
