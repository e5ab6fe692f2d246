#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace neurosplat {

/// Fréchet distance of two sets of features, floating-point [N, D] and [M, D] (Dowson and Landau
/// 1982; Heusel et al. 2017): of the Gaussians that have their means m and covariances S (over
/// N - 1), |m1 - m2|^2 + tr S1 + tr S2 - 2 tr (S1^1/2 S2 S1^1/2)^1/2. In double precision. It is
/// biased upwards for few rows: say how many with it. Throws Error for fewer than 2 rows, for
/// numbers that are not finite and for two widths.
double frechet_distance(const at::Tensor& a, const at::Tensor& b);

struct PrecisionRecall {
  double precision;  ///< share of generated rows inside the real ones' manifold, [0, 1]
  double recall;     ///< share of real rows inside the generated ones' manifold, [0, 1]
};

/// Improved precision and recall (Kynkäänniemi et al. 2019) of features, floating-point [N, D] and
/// [M, D]. A set's manifold is the union of balls around its rows, each as far as its k-th nearest
/// other row, edge included. Distances are products in double precision, some 128 MiB at a time;
/// differences of 1e-15 of the squared length are rounding. Throws Error unless 1 <= k < N, M, for
/// numbers that are not finite and for two widths.
PrecisionRecall precision_recall(const at::Tensor& real, const at::Tensor& generated,
                                 std::int64_t k = 3);

}  // namespace neurosplat
