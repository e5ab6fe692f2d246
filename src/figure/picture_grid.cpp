#include "neurosplat/figure/picture_grid.h"

#include <ATen/ATen.h>

#include <algorithm>

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

}  // namespace neurosplat
