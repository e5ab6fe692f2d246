#include "neurosplat/metrics/gaussian_blur.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"

namespace neurosplat {
namespace {

constexpr double kCut = 4.0, kWidest = 1e4;

/// Row i holds the weights of pixel i's neighbours along an axis of `length` pixels.
at::Tensor smoothing_matrix(std::int64_t length, double sigma, at::ScalarType type) {
  const auto radius = static_cast<std::int64_t>(kCut * sigma + 0.5);
  std::vector<double> weights;
  double sum = 0.0;
  for (std::int64_t d = -radius; d <= radius; ++d) {
    weights.push_back(std::exp(-0.5 * static_cast<double>(d * d) / (sigma * sigma)));
    sum += weights.back();
  }
  auto matrix = at::zeros({length, length}, at::kDouble);
  auto* const rows = matrix.data_ptr<double>();
  for (std::int64_t i = 0; i < length; ++i) {
    for (std::int64_t d = -radius; d <= radius; ++d) {
      // ... b a | a b c ... z | z y ...
      auto place = (i + d) % (2 * length);
      if (place < 0) place += 2 * length;
      if (place >= length) place = 2 * length - 1 - place;
      rows[i * length + place] += weights[static_cast<std::size_t>(d + radius)] / sum;
    }
  }
  return matrix.to(type);
}

}  // namespace

at::Tensor gaussian_blur(const at::Tensor& picture, double sigma) {
  const at::NoGradGuard no_gradient;
  if (picture.dim() != 2 || !picture.is_floating_point() || picture.numel() == 0) {
    throw UsageError(
        text("picture: expected float [H, W], got ", picture.toString(), " ", picture.sizes()));
  }
  if (!(sigma >= 0.0 && sigma <= kWidest)) {
    throw UsageError(text("sigma: expected 0 to ", kWidest, " pixels, got ", sigma));
  }
  if (sigma == 0.0) return picture.clone();
  const auto rows = smoothing_matrix(picture.size(0), sigma, picture.scalar_type());
  const auto columns = picture.size(1) == picture.size(0)
                           ? rows
                           : smoothing_matrix(picture.size(1), sigma, picture.scalar_type());
  return at::matmul(rows, at::matmul(picture.to(at::kCPU), columns.t())).to(picture.device());
}

}  // namespace neurosplat
