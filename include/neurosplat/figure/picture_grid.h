#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace neurosplat {

/// Pictures [K, 3, H, W] on one sheet [3, ., .], `columns` a row, row after row, with black
/// borders of `padding` pixels (torchvision's grid).
at::Tensor picture_grid(const at::Tensor& pictures, std::int64_t columns, std::int64_t padding = 2);

}  // namespace neurosplat
