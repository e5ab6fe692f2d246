#include "neurosplat/figure/picture_grid.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <vector>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"

namespace neurosplat {

at::Tensor picture_grid(const at::Tensor& pictures, std::int64_t columns, std::int64_t padding) {
  if (pictures.dim() != 4 || pictures.size(0) < 1 || pictures.size(1) != 3)
    throw Error(text("expected pictures [K, 3, H, W], got ", pictures.sizes()));
  if (columns < 1 || padding < 0)
    throw Error(text("expected columns >= 1 and padding >= 0, got ", columns, " and ", padding));
  const auto count = pictures.size(0), height = pictures.size(2), width = pictures.size(3);
  columns = std::min(columns, count);
  const auto rows = (count + columns - 1) / columns;
  auto sheet =
      at::zeros({3, rows * (height + padding) + padding, columns * (width + padding) + padding},
                pictures.options());
  for (std::int64_t k = 0; k < count; ++k) {
    const auto top = padding + k / columns * (height + padding);
    const auto left = padding + k % columns * (width + padding);
    sheet.narrow(1, top, height).narrow(2, left, width).copy_(pictures[k].detach());
  }
  return sheet;
}

at::Tensor pictures_beside(const at::Tensor& pictures, const at::Tensor& beside,
                           std::int64_t columns, std::int64_t padding) {
  if (pictures.dim() != 4 || beside.dim() != 5 || beside.size(0) != pictures.size(0) ||
      beside.size(1) < 1 || beside.sizes().slice(2) != pictures.sizes().slice(1))
    throw Error(text("expected pictures [N, 3, H, W] and [N, K, 3, H, W] beside them, got ",
                     pictures.sizes(), " and ", beside.sizes()));
  const auto count = pictures.size(0), near = beside.size(1), height = pictures.size(2);
  const auto line = at::ones({count, 3, height, 1}, pictures.options());
  const auto space = at::zeros({count, 3, height, padding}, pictures.options());
  std::vector<at::Tensor> group = {pictures, space, line};
  for (std::int64_t k = 0; k < near; ++k) {
    group.push_back(space);
    group.push_back(beside.select(1, k));
  }
  return picture_grid(at::cat(group, 3), columns, padding);
}

}  // namespace neurosplat
