#include "systems/lock/skyline_matrix.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cstddef>

namespace neurosplat {

SkylineMatrix::SkylineMatrix(std::int64_t rows, std::int64_t tile, std::vector<std::int64_t> first)
    : rows_(rows),
      tile_(tile),
      first_(std::move(first)),
      values_(at::zeros({rows, rows}, at::kFloat)) {}

std::int64_t SkylineMatrix::end(std::int64_t tile) const {
  return std::min(begin(tile + 1), rows_);
}

std::vector<std::pair<std::int64_t, std::int64_t>> SkylineMatrix::runs(std::int64_t row) const {
  std::vector<std::pair<std::int64_t, std::int64_t>> found;
  for (std::int64_t j = row; j < tiles(); ++j) {
    if (first_[static_cast<std::size_t>(j)] > row) continue;
    if (!found.empty() && found.back().second == j) {
      ++found.back().second;
    } else {
      found.emplace_back(j, j + 1);
    }
  }
  return found;
}

at::Tensor SkylineMatrix::block(std::int64_t from_row, std::int64_t to_row,
                                std::int64_t from_column, std::int64_t to_column) const {
  return values_.slice(0, begin(from_row), end(to_row - 1))
      .slice(1, begin(from_column), end(to_column - 1));
}

void SkylineMatrix::subtract_rows_above(std::int64_t row, std::int64_t from,
                                        std::int64_t to) const {
  const std::int64_t above = first_[static_cast<std::size_t>(row)];
  if (above == row) return;
  auto here = block(row, row + 1, from, to);
  here.addmm_(block(above, row, row, row + 1).t(), block(above, row, from, to), 1, -1);
}

bool SkylineMatrix::factor() {
  const at::NoGradGuard no_gradient;
  for (std::int64_t k = 0; k < tiles(); ++k) {
    const auto columns = runs(k);
    for (const auto& [from, to] : columns) subtract_rows_above(k, from, to);
    auto diagonal = block(k, k + 1, k, k + 1);
    const auto [upper, info] = at::linalg_cholesky_ex(diagonal, /*upper=*/true);
    if (info.item<int>() != 0) return false;
    diagonal.copy_(upper);
    const auto inverse =
        at::linalg_solve_triangular(upper.t(), at::eye(upper.size(0), at::kFloat), /*upper=*/false);
    for (const auto& [run, to] : columns) {
      const std::int64_t from = std::max(run, k + 1);
      if (from < to) block(k, k + 1, from, to).copy_(inverse.mm(block(k, k + 1, from, to)));
    }
  }
  return true;
}

}  // namespace neurosplat
