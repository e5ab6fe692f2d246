#pragma once

#include <cstdint>

/// The loops around the matrix products: factors before them, gradients after them. Plain
/// pointers and sizes; no torch. Each call handles the packets first..last-1 of one picture, so
/// that callers can share packets out over threads.
///
/// With X_n(u) and Y_n(v) the axis factors of packet n, q_nc its coefficient in channel c,
///   left     [C*H, 2N]  row (c, v): Re(q Y) of all packets, then -Im(q Y) of all packets
///   columns  [W, 2N]    row u: Re X of all packets, then Im X
///   rows     [H, 2N]    row v: Re Y of all packets, then Im Y
/// and the field is left * columns^T.
namespace neurosplat::matrix {

struct Shape {
  std::int64_t packets, channels, height, width;
};

/// Packets that a kernel holds in its local arrays at a time; ranges should start on multiples.
inline constexpr std::int64_t kBlock = 64;

/// Envelopes below exp(-kCutoff) are written as zero: far below the float32 error of the sum, and
/// far above the denormal numbers that slow the products down.
inline constexpr float kCutoff = 32.0f;

/// One set of kernels per instruction set.
struct Kernels {
  /// packets: activated, [N, 5 + 2C]. Writes left, columns and rows for the range.
  void (*write_factors)(const Shape&, const float* packets, std::int64_t first, std::int64_t last,
                        float* left, float* columns, float* rows);
  /// left_gradient [C*H, 2N] and columns_gradient [W, 2N] to gradient [N, 5 + 2C].
  void (*gather_gradient)(const Shape&, const float* packets, std::int64_t first, std::int64_t last,
                          const float* columns, const float* rows, const float* left_gradient,
                          const float* columns_gradient, float* gradient);
  const char* name;
};

/// The best set that this processor runs, chosen once.
const Kernels& kernels();

}  // namespace neurosplat::matrix
