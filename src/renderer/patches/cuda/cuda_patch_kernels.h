#pragma once

#include <cstdint>

#include "neurosplat/renderer/patches/patch.h"

struct CUstream_st;

/// The CUDA patch renderer below its checks: plain pointers to device memory, sizes, a stream.
/// Nothing here allocates, waits for the device or uses atomics; the same splats give the same
/// bits. A launch that fails throws Error.
///
/// Arrays are dense float32:
///   splats, gradient          [B, rows, columns, S, 9], activated
///   pixels, pixel_gradient    [B, 3, H, W]
///   weights                   [2, B, H, W]: of each pixel the largest log-weight and the sum of
///   the
///                             weights over its exponential
namespace neurosplat::patches::cuda {

using Stream = CUstream_st*;

struct Shape {
  std::int64_t batch;
  int rows, columns, splats, tile;
  bool neighbours;
  Kernel kernel;
};

/// Throws UsageError where a grid would overflow.
void check_size(const Shape& shape);

void draw(const Shape& shape, const float* splats, float* pixels, float* weights, Stream stream);

void gradient(const Shape& shape, const float* splats, const float* pixels, const float* weights,
              const float* pixel_gradient, float* splat_gradient, Stream stream);

}  // namespace neurosplat::patches::cuda
