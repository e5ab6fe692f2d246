#pragma once

#include <ATen/core/Tensor.h>

namespace neurosplat {

/// A static nonlinearity of each output: base + gain max(x - threshold, 0)^exponent, the N of an LN
/// model (Chichilnisky 2001 for the model; Heeger 1992 for the power).
struct ThresholdPower {
  at::Tensor threshold, exponent, gain, base;  ///< float64 [U]

  /// [M, U] to float64 [M, U].
  at::Tensor operator()(const at::Tensor& x) const;
};

/// The one of least squares to `y` [N, U] at `x` [N, U]: thresholds at the quantiles 0, .1 ... .8
/// of x, exponents 1, 1.5, 2 and 3 are tried, gain (at least 0) and base solved for.
ThresholdPower fit_threshold_power(const at::Tensor& x, const at::Tensor& y);

}  // namespace neurosplat
