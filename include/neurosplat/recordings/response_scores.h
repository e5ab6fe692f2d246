#pragma once

#include <ATen/core/Tensor.h>

namespace neurosplat {

/// Responses of units to pictures, over repeats.
struct MeanResponses {
  at::Tensor mean;     ///< float64 [P, U], over the repeats that are there
  at::Tensor noise;    ///< float64 [P, U], the mean's variance by the repeats' own; 0 for one alone
  at::Tensor repeats;  ///< int64 [P, U]
};

/// Counts int8 [P, U, R], negative where missing. Throws Error for a unit and a picture without any
/// repeat.
MeanResponses mean_responses(const at::Tensor& counts);

/// How well units' mean responses are foretold, each float64 [U].
struct ResponseScores {
  at::Tensor
      correlation;        ///< with the means over pictures; 0 where one of both is the same for all
  at::Tensor explained;   ///< 1 - mean squared error / variance of the means
  at::Tensor power;       ///< of the signal: variance of the means less their noise (Sahani and
                          ///< Linden 2003)
  at::Tensor normalised;  ///< (variance - mean squared error) / power; NaN where there is no power
};

/// Of values that are finite; NaN where none is.
double median_of_finite(const at::Tensor& values);

/// `foretold` [P, U]. Variances are over pictures, divided by P.
ResponseScores score_responses(const at::Tensor& foretold, const MeanResponses& responses);

}  // namespace neurosplat
