#pragma once

#include <cmath>

#include "renderer/packets/cuda/device.cuh"
#include "renderer/patches/cuda/cuda_patch_kernels.h"

/// One splat at one pixel, in patch.h's words.
namespace neurosplat::patches::cuda {

namespace device = packet::cuda::device;

/// What patch.h's formulas are made of, a number at a time.
struct ScalarUse {
  using Constant = float;

  static NEUROSPLAT_DEVICE float all(float value) { return value; }
  static NEUROSPLAT_DEVICE float lesser(float x, float y) { return y < x ? y : x; }  // x if NaN
  static NEUROSPLAT_DEVICE float select(bool which, float yes, float no) {
    return which ? yes : no;
  }
  static NEUROSPLAT_DEVICE float exp(float x) { return std::exp(x); }
  static NEUROSPLAT_DEVICE void sincos(float half_turns, float& sine, float& cosine) {
    device::sincos_of_pi(half_turns, sine, cosine);
  }
};

/// Log-weights this much below what a pixel has anyway, 4e-11, are not drawn: a thousand of them
/// are less than float32 rounds off.
constexpr float kUnseen = 24.0f;

/// The numbers of a splat as the kernels want them; its log-weight at its centre.
struct Splat {
  float x, y, scale, lean, rest, weight, red, green, blue;
};

NEUROSPLAT_DEVICE Splat splat_of(const float* numbers) {
  const float correlation = numbers[kCorrelation];
  const float rest = std::sqrt((1.0f - correlation) * (1.0f + correlation));
  return {numbers[kOffsetX],       numbers[kOffsetY],
          numbers[kScaleX],        correlation * numbers[kScaleY],
          rest * numbers[kScaleY], 2.0f * (numbers[kWeight] - static_cast<float>(kMiddleWeight)),
          numbers[kRed],           numbers[kGreen],
          numbers[kBlue]};
}

/// A pixel seen from a splat.
struct Place {
  float dx, dy, p, distance;
};

NEUROSPLAT_DEVICE Place place_of(const Splat& splat, float x, float y) {
  const float dx = x - splat.x, dy = y - splat.y;
  const float p = splat.scale * dx + splat.lean * dy, q = splat.rest * dy;
  return {dx, dy, p, p * p + q * q};
}

/// Position of pixel `i` of a tile's side, seen from the cell `cell` tiles further.
NEUROSPLAT_DEVICE float position(int tile, int i, int cell) {
  return static_cast<float>((static_cast<double>(i) + 0.5) / static_cast<double>(tile) -
                            static_cast<double>(cell));
}

NEUROSPLAT_DEVICE int cells_seen(const Shape& shape) {
  return shape.neighbours ? 9 : 1;
}

/// Cell number `i` of those that a tile sees, as steps right and down.
struct Step {
  int right, down;
};

NEUROSPLAT_DEVICE Step step_of(const Shape& shape, int i) {
  return shape.neighbours ? Step{i % 3 - 1, i / 3 - 1} : Step{0, 0};
}

NEUROSPLAT_DEVICE bool within(const Shape& shape, int row, int column) {
  return row >= 0 && row < shape.rows && column >= 0 && column < shape.columns;
}

NEUROSPLAT_DEVICE std::int64_t pixels_of(const Shape& shape) {
  return static_cast<std::int64_t>(shape.rows) * shape.columns * shape.tile * shape.tile;
}

/// A tile of the batch by its number.
struct Tile {
  std::int64_t picture;
  int row, column;
};

NEUROSPLAT_DEVICE Tile tile_of(const Shape& shape, std::int64_t i) {
  const std::int64_t column = i % shape.columns, rest = i / shape.columns;
  return {rest / shape.rows, static_cast<int>(rest % shape.rows), static_cast<int>(column)};
}

/// Place of a tile's pixel `i`, row by row, within a channel.
NEUROSPLAT_DEVICE std::int64_t pixel_at(const Shape& shape, int row, int column, int i) {
  const std::int64_t y = static_cast<std::int64_t>(row) * shape.tile + i / shape.tile;
  const std::int64_t width = static_cast<std::int64_t>(shape.columns) * shape.tile;
  return y * width + static_cast<std::int64_t>(column) * shape.tile + i % shape.tile;
}

/// First number of a cell's splats.
NEUROSPLAT_DEVICE std::int64_t cell_at(const Shape& shape, std::int64_t picture, int row,
                                       int column) {
  return ((picture * shape.rows + row) * shape.columns + column) * shape.splats * kNumbers;
}

}  // namespace neurosplat::patches::cuda
