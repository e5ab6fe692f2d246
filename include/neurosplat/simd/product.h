#pragma once

#include <cstdint>

namespace neurosplat::simd {

/// Columns of every matrix come in multiples of this, the widest vector.
inline constexpr std::int64_t kPadding = 16;

constexpr std::int64_t padded(std::int64_t columns) {
  return (columns + kPadding - 1) / kPadding * kPadding;
}

/// C [rows, columns] = A B, or C += A B. A is read one number at a time and may lie in any order;
/// rows of B and C are contiguous; columns is a multiple of kPadding. Where B is larger than the
/// first cache, b_row is best no multiple of 1 KB, or its rows push each other out.
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

}  // namespace neurosplat::simd
