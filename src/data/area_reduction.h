#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace neurosplat {

/// A picture, float32 [H, W], as float64 reduced so that its long side is `longest` pixels: each
/// new pixel is the mean over the area that it covers, parts of pixels by their share. One that is
/// not longer keeps its size.
at::Tensor reduced_by_area(const at::Tensor& picture, std::int64_t longest);

}  // namespace neurosplat
