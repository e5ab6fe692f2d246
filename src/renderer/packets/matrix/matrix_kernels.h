#pragma once

#include <cstdint>

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

/// Columns of every matrix come in multiples of this, the widest vector.
inline constexpr std::int64_t kPadding = 16;

constexpr std::int64_t padded(std::int64_t columns) {
  return (columns + kPadding - 1) / kPadding * kPadding;
}

/// Envelopes below exp(-kLowest) are written as zero: far below the float32 error of the sum, and
/// far above the denormal numbers that slow the products down.
inline constexpr float kLowest = 32.0f;

/// C [rows, columns] = A B, or C += A B. A is read one number at a time and may lie in any order;
/// rows of B and C are contiguous; columns is a multiple of kPadding.
struct Product {
  std::int64_t rows, columns, inner;
  const float* a;
  std::int64_t a_row, a_inner;
  const float* b;
  std::int64_t b_row;
  float* c;
  std::int64_t c_row;
  bool add;
};

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
  void (*product)(const Product& product);
  /// out = logistic(in)
  void (*squash)(const float* in, std::int64_t count, float* out);
  /// out = gradient * picture * (1 - picture)
  void (*squash_gradient)(const float* gradient, const float* picture, std::int64_t count,
                          float* out);
  const char* name;
};

/// Environment variable that asks for another set than the fastest: baseline, AVX2 or AVX-512.
inline constexpr const char* kInstructionSetVariable = "NEUROSPLAT_INSTRUCTION_SET";

/// The set in use, chosen once. Throws UsageError where the variable names one that this processor
/// does not run.
const Kernels& kernels();

}  // namespace neurosplat::packet::matrix
