#include "neurosplat/metrics/seam_ratio.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"

namespace neurosplat {
namespace {

void check_pictures(const at::Tensor& pictures, std::int64_t tile) {
  if (pictures.defined() && pictures.is_floating_point() && pictures.dim() == 4 &&
      pictures.numel() > 0 && pictures.size(2) % tile == 0 && pictures.size(3) % tile == 0 &&
      std::max(pictures.size(2), pictures.size(3)) >= 2 * tile)
    return;
  throw Error(
      text("expected pictures [B, C, H, W], floating-point, of whole tiles of ", tile,
           " pixels, two at least, got ",
           pictures.defined() ? text(pictures.scalar_type(), " ", pictures.sizes()) : "nothing",
           ": give another tile or other pictures"));
}

/// Absolute differences of neighbours along a dimension, [B, length - 1], others averaged. Place p
/// is the difference of pixels p and p + 1.
at::Tensor differences_along(const at::Tensor& pictures, std::int64_t dimension) {
  const auto length = pictures.size(dimension);
  const auto difference =
      pictures.narrow(dimension, 1, length - 1) - pictures.narrow(dimension, 0, length - 1);
  return difference.abs().mean(dimension == 2 ? at::IntArrayRef{1, 3} : at::IntArrayRef{1, 2});
}

/// Keeps the logarithm of a flat picture finite.
constexpr double kLeastDifference = 1e-4;

/// Logarithm of each picture's own ratio, [B].
at::Tensor log_ratios(const at::Tensor& pictures, std::int64_t tile) {
  std::vector<at::Tensor> across, inside;
  for (const std::int64_t dimension : {2, 3}) {
    const auto differences = differences_along(pictures, dimension);
    for (std::int64_t place = 0; place < tile; ++place) {
      if (place >= differences.size(1)) continue;
      (place == tile - 1 ? across : inside)
          .push_back(differences.slice(1, place, differences.size(1), tile));
    }
  }
  const auto mean_of = [](const std::vector<at::Tensor>& parts) {
    return at::cat(parts, 1).mean(1) + kLeastDifference;
  };
  return mean_of(across).log() - mean_of(inside).log();
}

}  // namespace

SeamRatio::SeamRatio(std::int64_t tile) : tile_(tile) {
  if (tile < 2) throw UsageError(text("tile: expected at least 2 pixels, got ", tile));
}

void SeamRatio::add(const at::Tensor& pictures) {
  const c10::NoGradGuard no_grad;
  check_pictures(pictures, tile_);
  for (const std::int64_t dimension : {2, 3}) {
    const auto length = pictures.size(dimension);
    const auto difference =
        pictures.narrow(dimension, 1, length - 1) - pictures.narrow(dimension, 0, length - 1);
    const auto sums =
        difference.abs().transpose(0, dimension).flatten(1).sum(1, false, at::kDouble);
    const auto borders = length / tile_ - 1;
    // Place p is the difference of pixels p and p + 1.
    const double across = sums.slice(0, tile_ - 1, length - 1, tile_).sum().item<double>();
    across_ += across;
    inside_ += sums.sum().item<double>() - across;
    const auto lines = pictures.numel() / length;
    across_count_ += lines * borders;
    inside_count_ += lines * (length - 1 - borders);
  }
}

double SeamRatio::ratio() const {
  if (across_count_ == 0 || !(inside_ > 0)) return std::numeric_limits<double>::quiet_NaN();
  return across_ / static_cast<double>(across_count_) /
         (inside_ / static_cast<double>(inside_count_));
}

double seam_ratio(const at::Tensor& pictures, std::int64_t tile) {
  SeamRatio ratio(tile);
  ratio.add(pictures);
  return ratio.ratio();
}

at::Tensor seam_loss(const at::Tensor& pictures, const at::Tensor& target, std::int64_t tile) {
  if (tile < 2) throw UsageError(text("tile: expected at least 2 pixels, got ", tile));
  check_pictures(pictures, tile);
  check_pictures(target, tile);
  if (pictures.sizes() != target.sizes()) {
    throw Error(text("expected pictures and targets alike, got ", pictures.sizes(), " and ",
                     target.sizes(), ": compare pictures in pairs"));
  }
  return (log_ratios(pictures, tile) - log_ratios(target, tile)).square().mean();
}

}  // namespace neurosplat
