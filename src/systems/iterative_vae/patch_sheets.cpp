#include "systems/iterative_vae/patch_sheets.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "neurosplat/figure/picture_grid.h"

namespace neurosplat {
namespace {

/// Standard deviations that are shown black and white; pixels of the sheet a pixel of a patch.
constexpr double kShownDeviations = 3;
constexpr std::int64_t kEnlarged = 3;

/// Grey [N, side * side] in [0, 1] on a sheet.
at::Tensor sheet_of(const at::Tensor& grey, std::int64_t side, std::int64_t columns,
                    std::int64_t enlarged) {
  const auto tiles = grey.reshape({-1, 1, side, side})
                         .repeat_interleave(enlarged, 2)
                         .repeat_interleave(enlarged, 3)
                         .clamp(0, 1)
                         .expand({-1, 3, -1, -1});
  return picture_grid(tiles, columns);
}

}  // namespace

at::Tensor patch_sheet(const at::Tensor& patches, std::int64_t side, std::int64_t columns,
                       bool unit_range) {
  const auto grey = unit_range ? patches : 0.5 + patches / (2 * kShownDeviations);
  return sheet_of(grey, side, columns, kEnlarged);
}

at::Tensor dictionary_sheet(const at::Tensor& dictionary, const at::Tensor& order,
                            std::int64_t side) {
  const auto places = at::argsort(order, /*stable=*/true, 0, /*descending=*/true);
  const auto columns = dictionary.t().index_select(0, places);
  const auto scaled = columns / at::clamp_min(std::get<0>(columns.abs().max(1, true)), 1e-12);
  const auto a_row =
      static_cast<std::int64_t>(std::ceil(std::sqrt(2.0 * static_cast<double>(columns.size(0)))));
  return sheet_of(0.5 + 0.5 * scaled, side, std::max<std::int64_t>(1, a_row), 2);
}

}  // namespace neurosplat
