#include "renderer/patches/checks.h"

#include <ATen/ATen.h>

#include <cmath>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/renderer/patches/patch.h"

namespace neurosplat::patches {
namespace {

constexpr std::int64_t kMostSplats = 1 << 16;  // of a tile

}  // namespace

void check_tensor(const at::Tensor& splats) {
  if (!splats.defined()) throw UsageError("splats: expected a tensor, got an undefined one");
  if (splats.dim() != 5 || splats.numel() == 0 || splats.size(4) != kNumbers ||
      splats.size(3) > kMostSplats) {
    throw UsageError(text("splats: expected [B >= 1, rows >= 1, columns >= 1, 1 to ", kMostSplats,
                          " splats, 9 numbers], got ", splats.sizes()));
  }
  if (splats.scalar_type() != at::kFloat && splats.scalar_type() != at::kDouble) {
    throw UsageError(text("splats: expected float32 or float64, got ", splats.scalar_type()));
  }
}

void refuse(const at::Tensor& splats, std::int64_t place) {
  const std::int64_t number = place % kNumbers, splat = place / kNumbers % splats.size(3);
  const std::int64_t tile = place / (kNumbers * splats.size(3));
  const std::int64_t column = tile % splats.size(2), row = tile / splats.size(2) % splats.size(1);
  const double value = splats.flatten()[place].item<double>();
  const bool correlation = number == kCorrelation && std::abs(value) <= kLargestNumber;
  throw UsageError(text("splats: expected ",
                        correlation ? "correlations of -1 to 1" : "finite numbers of -1e6 to 1e6",
                        ", got ", value, " as number ", number, " of splat ", splat, " of tile (",
                        row, ", ", column, ") of picture ",
                        tile / (splats.size(1) * splats.size(2))));
}

void check_numbers(const at::Tensor& splats) {
  const auto flat = splats.detach().contiguous().view({-1, kNumbers});
  auto bad = (flat.abs() <= kLargestNumber).logical_not();
  bad.select(1, kCorrelation).logical_or_(flat.select(1, kCorrelation).abs() > 1);
  const auto places = bad.flatten().nonzero();
  if (places.numel() > 0) refuse(splats.detach().contiguous(), places[0].item<std::int64_t>());
}

}  // namespace neurosplat::patches
