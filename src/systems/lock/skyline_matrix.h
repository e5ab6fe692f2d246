#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <utility>
#include <vector>

namespace neurosplat {

/// The upper triangle of a symmetric matrix in square tiles, of which each column's first ones are
/// zero: where rows are ordered so that neighbours are near each other, most of the matrix. What is
/// zero above a column's first tile stays zero in the Cholesky factor.
class SkylineMatrix {
 public:
  /// first[j]: the first tile, <= j, of tile column j that is not zero.
  SkylineMatrix(std::int64_t rows, std::int64_t tile, std::vector<std::int64_t> first);

  std::int64_t tiles() const { return static_cast<std::int64_t>(first_.size()); }
  std::int64_t begin(std::int64_t tile) const { return tile * tile_; }
  std::int64_t end(std::int64_t tile) const;
  /// Runs [first, last) of tiles at or right of the diagonal in a tile row that are not zero.
  std::vector<std::pair<std::int64_t, std::int64_t>> runs(std::int64_t row) const;

  /// [rows, rows]; zeros outside the skyline's tiles and below the diagonal's.
  at::Tensor& values() { return values_; }
  const at::Tensor& values() const { return values_; }

  /// Puts the factor U, values = U^T U, in the place of the values. False when the matrix is not
  /// positive definite in float32; the values are then worth nothing.
  bool factor();

 private:
  at::Tensor block(std::int64_t from_row, std::int64_t to_row, std::int64_t from_column,
                   std::int64_t to_column) const;
  void subtract_rows_above(std::int64_t row, std::int64_t from, std::int64_t to) const;

  std::int64_t rows_, tile_;
  std::vector<std::int64_t> first_;
  at::Tensor values_;
};

}  // namespace neurosplat
