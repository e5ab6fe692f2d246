#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace neurosplat {

/// A ridge regression that was fitted: y = (x - mean) / deviation W + mean of y.
struct RidgeFit {
  at::Tensor mean, deviation;  ///< of each feature over the training rows, float64 [F]
  at::Tensor weights;          ///< float64 [F, U]
  at::Tensor offset;           ///< float64 [U]
  at::Tensor penalty;          ///< chosen for each output, float64 [U]
  at::Tensor left_out;         ///< what rows are foretold as without their group, float64 [N, U]

  /// Features [M, F] to outputs float64 [M, U].
  at::Tensor predict(const at::Tensor& features) const;
};

/// Fits every output with the penalty of `penalties` (above 0, times the number of rows) that
/// foretells best what is left out: rows are left out a group at a time, `groups` int64 [N] (each
/// row its own: leave one out). One eigendecomposition of the rows' products serves all penalties,
/// groups and outputs: without the rows g, their residuals are (I - H_gg)^-1 r_g, H = K (K + n
/// penalty)^-1 + 1/N (Golub, Heath and Wahba 1979 for single rows); means are those of the rows
/// that are left, deviations and the penalty's scale those of all N. Features float [N, F] (a
/// constant one is ignored), outputs float [N, U]. Outputs of one of `output_groups`, int64 [U],
/// share a penalty, that of the least sum of their errors; undefined: each has its own. Throws
/// Error for other shapes, numbers that are not finite, one group only.
RidgeFit fit_ridge(const at::Tensor& features, const at::Tensor& outputs, const at::Tensor& groups,
                   const std::vector<double>& penalties, const at::Tensor& output_groups = {});

/// `count` penalties from `least` to `most`, evenly spaced in their logarithms.
std::vector<double> penalties_between(double least, double most, int count);

}  // namespace neurosplat
