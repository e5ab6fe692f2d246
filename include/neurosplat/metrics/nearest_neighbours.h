#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace neurosplat {

struct NearestNeighbours {
  at::Tensor indices;    ///< int64 [N, K], nearest first, of two as near the lower
  at::Tensor distances;  ///< float64 [N, K], Euclidean: 0 for the same row
};

/// Of each row of queries [N, ...] the nearest `k` rows of references [M, ...], of as many numbers
/// a row: pictures or features, floating-point as they are or uint8 as shares of 255. Whether a
/// generator repeats what it was trained on shows beside the distances of held-out pictures. In
/// double precision, a block of queries and references at a time, some 200 MiB whatever their
/// number. Throws Error unless 1 <= k <= M, for numbers that are not finite and for two widths.
NearestNeighbours nearest_neighbours(const at::Tensor& queries, const at::Tensor& references,
                                     std::int64_t k);

}  // namespace neurosplat
