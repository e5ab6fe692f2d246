#include "neurosplat/metrics/seam_ratio.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <limits>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"

namespace neurosplat {

SeamRatio::SeamRatio(std::int64_t tile) : tile_(tile) {
  if (tile < 2) throw UsageError(text("tile: expected at least 2 pixels, got ", tile));
}

void SeamRatio::add(const at::Tensor& pictures) {
  const c10::NoGradGuard no_grad;
  if (!pictures.defined() || !pictures.is_floating_point() || pictures.dim() != 4 ||
      pictures.numel() == 0 || pictures.size(2) % tile_ != 0 || pictures.size(3) % tile_ != 0 ||
      std::max(pictures.size(2), pictures.size(3)) < 2 * tile_) {
    throw Error(
        text("expected pictures [B, C, H, W], floating-point, of whole tiles of ", tile_,
             " pixels, two at least, got ",
             pictures.defined() ? text(pictures.scalar_type(), " ", pictures.sizes()) : "nothing",
             ": give another tile or other pictures"));
  }
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

}  // namespace neurosplat
