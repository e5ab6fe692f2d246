#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace neurosplat {

struct LinearReadoutSettings {
  /// Weight of half the squared weights beside the summed cross-entropy: 1 / C of scikit-learn.
  double penalty = 1.0;
  std::int64_t iterations = 1000;  ///< of L-BFGS, at most
  double tolerance = 1e-8;  ///< ends where no derivative of the objective per sample is larger
};

/// Multinomial logistic regression: classes read linearly from features. What it works with are
/// features with mean 0 and variance 1 over the samples it was fitted to; a feature that never
/// changed counts nothing. All float64.
struct LinearReadout {
  at::Tensor mean, scale;  ///< [K], of the features fitted to; scale 1 where they never change
  at::Tensor weights;      ///< [classes, K], for features less mean, divided by scale
  at::Tensor bias;         ///< [classes], not penalised
  double largest_derivative = 0.0;  ///< of the objective per sample, where the fit ended
};

/// Fits to features float [N, K] and labels int64 [N] from 0 to classes - 1, in double precision by
/// L-BFGS with a strong-Wolfe line search; the objective is convex, so that the start (zeros) does
/// not matter. Needs the features once more in double precision. Throws UsageError on what does not
/// fit together, labels out of range and numbers that are not finite.
LinearReadout fit_linear_readout(const at::Tensor& features, const at::Tensor& labels,
                                 std::int64_t classes, const LinearReadoutSettings& settings = {});

/// Logits float64 [N, classes] of features float [N, K].
at::Tensor logits(const LinearReadout& readout, const at::Tensor& features);

/// Share in [0, 1] of samples whose largest logit is that of their label (the first on a tie).
double accuracy(const LinearReadout& readout, const at::Tensor& features, const at::Tensor& labels);

}  // namespace neurosplat
