#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace neurosplat {

/// The linear half of locking. For fixed geometry the field is linear in the coefficients; with P
/// the rows Re E_n, then -Im E_n, the best ones solve (P P^T + ridge) q = P target. P P^T never
/// needs P: each entry is a product of two sums along the axes. The ridge is the inhibition between
/// overlapping packets, which share the matrix's large entries.
/// docs/lock.md, "The closed form"; our derivation.
class PacketGram {
 public:
  /// geometry: [N, 5] activated, float32 on the CPU. ridge: a share of the mean diagonal. Throws
  /// Error when the matrix cannot be factored (a ridge too small for float32).
  PacketGram(const at::Tensor& geometry, std::int64_t height, std::int64_t width, double ridge);

  /// [2N, 2N] without the ridge, for tests.
  static at::Tensor matrix(const at::Tensor& geometry, std::int64_t height, std::int64_t width);

  /// (P P^T + ridge)^-1 of [N, 2C], numbers a_c, b_c of each packet in turn.
  at::Tensor solve(const at::Tensor& right) const;

 private:
  at::Tensor factor_;  // upper triangular, its rows in an order that leaves most of it zero
  at::Tensor rows_;    // [2N], of each packet's two numbers in the factor
  at::Tensor places_;  // the other way round
};

}  // namespace neurosplat
