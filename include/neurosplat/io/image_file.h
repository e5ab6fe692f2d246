#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>

namespace neurosplat {

/// Reads a picture as uint8 [3, H, W] RGB; grey, 16-bit and alpha pictures are converted.
/// Throws Error when the file is missing or is no picture.
at::Tensor read_picture(const std::filesystem::path& path);

/// uint8 [3, H, W] to uint8 [3, size, size]: short side to `size` (area filter when shrinking),
/// then the centre square.
at::Tensor centre_square(const at::Tensor& picture, std::int64_t size);

/// Writes a picture, float [3, H, W] in [0, 1] (clamped), as PNG, whole or not at all.
void write_png(const std::filesystem::path& path, const at::Tensor& picture);

/// Pictures [K, 3, H, W] on one sheet [3, ., .], `columns` a row, row after row, with black
/// borders of `padding` pixels (torchvision's grid).
at::Tensor picture_grid(const at::Tensor& pictures, std::int64_t columns, std::int64_t padding = 2);

}  // namespace neurosplat
