#pragma once

#include <cstdint>

#include "neurosplat/simd/product.h"

/// The loops of the matrix renderer, compiled once per instruction set. Plain pointers and sizes;
/// no torch, no allocation, no threads.
///
/// A block is kBlock packets (the last one of a picture padded with packets of coefficient 0). On
/// a grid of columns u and rows v its factors are
///   X  Re X_n(u) of all packets of the block, then Im X_n(u)
///   Y  likewise over v
///   L  for each channel, Re(q Y), then -Im(q Y)
/// and what it adds to the field is L X^T: an inner size of kLine.
namespace neurosplat::packet::matrix {

inline constexpr std::int64_t kBlock = 32;
inline constexpr std::int64_t kLine = 2 * kBlock;

using simd::kPadding;
using simd::padded;

/// Numbers of all packets of a picture, raw or activated: number i of packet n at
/// data[i * row + n], with `row` a multiple of kPadding and the rest of each row filled up.
struct PacketTable {
  std::int64_t packets, channels, row;
  float* data;
};

/// Part of an axis: grid points at positions[0 .. count-1], in units of which the canvas side has
/// `side`. Exact in float32.
struct AxisPart {
  const float* positions;
  std::int64_t count;
  double side;
};

/// One block and the part of the grid that it reaches.
struct BlockTask {
  const PacketTable* active;
  const double* cosine;  // of the orientation, by packet
  const double* sine;
  const std::int32_t* order;              // the block's packets
  std::int64_t count;                     // <= kBlock of them
  AxisPart columns, rows;                 // columns.count is a multiple of kPadding
  std::int64_t field_row, field_channel;  // strides of the field or its gradient
  float* scratch;                         // scratch_floats(rows.count, columns.count) of them
};

constexpr std::int64_t scratch_floats(std::int64_t rows, std::int64_t columns) {
  return kLine * (3 * rows + 2 * columns) + kBlock * 64;
}

struct Kernels {
  /// [N, 5 + 2C] to a table of activated numbers. anchors [2][row] are the anchor logits, null for
  /// numbers that are activated already.
  void (*activate)(const float* raw, const float* anchors, const PacketTable& active);
  /// field += the block; field at the first column and row of the task.
  void (*draw_block)(const BlockTask& task, float* field);
  /// Gradient with respect to the activated numbers of the block, [5 + 2C][kBlock].
  void (*block_gradient)(const BlockTask& task, const float* field_gradient, float* gradient);
  /// gradient [5 + 2C][kBlock] from activated to raw numbers: raw [5 + 2C][kBlock], anchors
  /// [2][kBlock].
  void (*activation_gradient)(const float* raw, const float* anchors, std::int64_t channels,
                              float* gradient);
  void (*product)(const simd::Product& product);
  /// out = logistic(in)
  void (*squash)(const float* in, std::int64_t count, float* out);
  /// out = gradient * picture * (1 - picture)
  void (*squash_gradient)(const float* gradient, const float* picture, std::int64_t count,
                          float* out);
};

/// Of the instruction set in use (simd/instruction_set.h).
const Kernels& kernels();

}  // namespace neurosplat::packet::matrix
