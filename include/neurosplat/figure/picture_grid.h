#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace neurosplat {

/// Pictures [K, 3, H, W] on one sheet [3, ., .], `columns` a row, row after row, with black
/// borders of `padding` pixels (torchvision's grid).
at::Tensor picture_grid(const at::Tensor& pictures, std::int64_t columns, std::int64_t padding = 2);

/// Pictures [N, 3, H, W], each with its own `beside` [N, K, 3, H, W] at its right behind a white
/// line: `columns` such groups a row, black borders of `padding` pixels. float [3, ., .]. Throws
/// Error for other sizes.
at::Tensor pictures_beside(const at::Tensor& pictures, const at::Tensor& beside,
                           std::int64_t columns, std::int64_t padding = 2);

}  // namespace neurosplat
