#pragma once

#include "renderer/patches/cuda/splat.cuh"

namespace neurosplat::patches::cuda {

/// A block owns 64 pixels of one tile, a thread one of them. Splats come through shared memory; a
/// pixel keeps its sums over the exponential of the largest log-weight so far, black at first.
template <Kernel kernel>
struct Draw {
  static constexpr int kThreads = 64;
  static constexpr int kSplats = 32;  // at a time

  struct Arguments {
    Shape shape;
    const float* splats;
    float *pixels, *weights;
  };
  struct Shared {
    Splat splats[kSplats];
  };

  static std::int64_t parts(const Shape& shape) {
    const std::int64_t pixels = static_cast<std::int64_t>(shape.tile) * shape.tile;
    return (pixels + kThreads - 1) / kThreads;
  }
  static std::int64_t blocks(const Shape& shape) {
    return shape.batch * shape.rows * shape.columns * parts(shape);
  }

  struct Sums {
    float reference, weight, red, green, blue;
  };

  static NEUROSPLAT_DEVICE void add(const Splat& splat, float x, float y, Sums& sums) {
    const float distance = place_of(splat, x, y).distance;
    const float log_weight = splat.weight + log_depth<kernel, ScalarUse>(distance);
    if (log_weight < sums.reference - kUnseen) return;  // not so for a NaN
    if (log_weight > sums.reference) {
      const float scale = std::exp(sums.reference - log_weight);
      sums = {log_weight, scale * sums.weight, scale * sums.red, scale * sums.green,
              scale * sums.blue};
    }
    const auto there = profile<kernel, ScalarUse>(distance);
    const float weight = std::exp(log_weight - sums.reference) * there.depth_factor;
    const float drawn = weight * there.value;
    sums.weight += weight;
    sums.red += drawn * splat.red;
    sums.green += drawn * splat.green;
    sums.blue += drawn * splat.blue;
  }

  static NEUROSPLAT_DEVICE void run(const Arguments& given, Shared& shared) {
    const Shape& shape = given.shape;
    const std::int64_t own_parts =
        (static_cast<std::int64_t>(shape.tile) * shape.tile + kThreads - 1) / kThreads;
    const Tile tile = tile_of(shape, device::block() / own_parts);
    const int pixel = static_cast<int>(device::block() % own_parts) * kThreads + device::thread();
    const int column = pixel % shape.tile, row = pixel / shape.tile;
    Sums sums{static_cast<float>(kBlackLogWeight), 1.0f, 0.0f, 0.0f, 0.0f};
    for (int cell = 0; cell < cells_seen(shape); ++cell) {
      const Step step = step_of(shape, cell);
      if (!within(shape, tile.row + step.down, tile.column + step.right)) continue;
      const float* splats = given.splats + cell_at(shape, tile.picture, tile.row + step.down,
                                                   tile.column + step.right);
      const float x = position(shape.tile, column, step.right);
      const float y = position(shape.tile, row, step.down);
      for (int first = 0; first < shape.splats; first += kSplats) {
        const int count = shape.splats - first < kSplats ? shape.splats - first : kSplats;
        device::synchronise();
        if (device::thread() < count) {
          shared.splats[device::thread()] =
              splat_of(splats + (first + device::thread()) * kNumbers);
        }
        device::synchronise();
        for (int i = 0; i < count; ++i) add(shared.splats[i], x, y, sums);
      }
    }
    if (row < shape.tile) write(given, tile, pixel, sums);
  }

  static NEUROSPLAT_DEVICE void write(const Arguments& given, const Tile& tile, int pixel,
                                      const Sums& sums) {
    const std::int64_t plane = pixels_of(given.shape);
    const std::int64_t at = pixel_at(given.shape, tile.row, tile.column, pixel);
    float* to = given.pixels + tile.picture * 3 * plane + at;
    const float scale = 2.0f / sums.weight;
    to[0] = scale * sums.red - 1.0f;
    to[plane] = scale * sums.green - 1.0f;
    to[2 * plane] = scale * sums.blue - 1.0f;
    float* weights = given.weights + tile.picture * plane + at;
    weights[0] = sums.reference;
    weights[given.shape.batch * plane] = sums.weight;
  }
};

}  // namespace neurosplat::patches::cuda
