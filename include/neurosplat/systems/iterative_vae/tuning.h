#pragma once

#include <ATen/core/Tensor.h>

namespace neurosplat {

/// How neurons prefer directions of a stimulus. float64 [K]; NaN, but for the peak, of silent ones.
/// Directions in degrees, [0, 360); orientations are directions without their sense, [0, 180).
struct Tuning {
  at::Tensor peak;                     ///< largest response
  at::Tensor preferred_direction;      ///< that of the peak, the first on a tie
  at::Tensor preferred_orientation;    ///< of the mean of response-weighted doubled angles
  at::Tensor orientation_selectivity;  ///< |that mean|, 0 to 1: 1 - circular variance
  at::Tensor direction_selectivity;    ///< |mean of response-weighted angles|, 0 to 1
  /// From the peak to where the response falls to half of it, degrees, mean of both sides, straight
  /// between measured directions; NaN where it does not fall so far within half a turn of the peak.
  at::Tensor half_width;
};

/// Of peak responses float [A, K], at least 0: row a is direction 360 a / A degrees, A >= 3. The
/// measures are those of Ringach, Shapley & Hawken (2002, docs/sources.md). Throws UsageError on
/// other shapes and on responses that are negative or not finite.
Tuning tuning_of(const at::Tensor& responses);

}  // namespace neurosplat
