#pragma once

#include <cstdint>

#include "neurosplat/renderer/patches/patch.h"
#include "neurosplat/simd/product.h"

/// The loops of the fused patch renderer, compiled once per instruction set. Plain pointers and
/// sizes; no torch, no allocation, no threads.
///
/// A cell is the splats of one tile, packed with splats that no pixel sees up to padded(splats).
/// Pixels are drawn in blocks of at most kBlockPixels of one tile.
namespace neurosplat::patches::fused {

inline constexpr std::int64_t kBlockSide = 8;
inline constexpr std::int64_t kBlockPixels = kBlockSide * kBlockSide;

/// What a packed splat is: numbers that are read by the cell, kPlanes rows of padded(splats), and,
/// behind them, by the splat, kRecord numbers each.
enum Packed : int {
  kPackedX,  // offset
  kPackedY,
  kPackedScale,   // k_x
  kPackedLean,    // k_xy k_y
  kPackedRest,    // sqrt(1 - k_xy^2) k_y
  kPackedWeight,  // 2 w
  kPackedRed,
  kPackedGreen,
  kPackedBlue,
  kPlanes
};
inline constexpr std::int64_t kRecord = 16;

using simd::padded;

constexpr std::int64_t packed_cell(std::int64_t splats) {
  return (kPlanes + kRecord) * padded(splats);
}

/// One picture's splats.
struct Picture {
  std::int64_t rows, columns, splats, tile;
  bool neighbours;  // whether a tile draws the splats of its eight neighbours too
  Kernel kernel;
  const float* packed;  // [rows, columns, packed_cell(splats)]
};

/// What the work of one block is written to.
struct Scratch {
  float* floats;        // scratch_floats(splats)
  std::int32_t* index;  // scratch_indices(splats)
};

inline constexpr std::int64_t kWidest = 16;  // lanes
/// Floats of the record of one splat that a block looks at.
inline constexpr std::int64_t kNearRecord = 8;

constexpr std::int64_t scratch_floats(std::int64_t splats) {
  return 9 * padded(splats) * (kNearRecord + 4 + kWidest) + kWidest;
}
constexpr std::int64_t scratch_indices(std::int64_t splats) {
  return 9 * padded(splats) + 1;
}

/// A part of a row of tiles: the pixel rows of its blocks first .. last - 1.
struct TileRow {
  std::int64_t row, first, last;
};

/// Blocks along a tile's side.
constexpr std::int64_t blocks_a_side(std::int64_t tile) {
  return (tile + kBlockSide - 1) / kBlockSide;
}

/// Rows of tiles whose splats a tile draws, and so of the sums that a tile row adds to.
constexpr std::int64_t bands(const Picture& picture) {
  return picture.neighbours ? 3 : 1;
}

/// Sums of one splat, the rest of the line unused.
inline constexpr std::int64_t kSumLine = 16;

struct Kernels {
  /// splats [count, kNumbers] to a packed cell. Returns the place of the first number that is
  /// beyond +-limit or not finite, or of a correlation beyond +-1; else -1.
  std::int64_t (*pack)(const float* splats, std::int64_t count, float limit, float* cell);
  /// Pixels [3, H, W] of a tile row, and, unless null, of each [H, W] the sum of its weights in the
  /// units of its block, for gradient().
  void (*draw)(const Picture& picture, const TileRow& part, float* pixels, float* weights,
               const Scratch& scratch);
  /// Adds what a tile row's pixels say of the splats to sums [bands, columns, splats, kSumLine]: of
  /// the tile rows from row - 1 (or row itself, without neighbours) on.
  void (*gradient)(const Picture& picture, const TileRow& part, const float* pixels,
                   const float* weights, const float* pixel_gradient, float* sums,
                   const Scratch& scratch);
};

/// Of the instruction set in use (simd/instruction_set.h).
const Kernels& kernels();

}  // namespace neurosplat::patches::fused
