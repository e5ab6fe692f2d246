#pragma once

#include <ATen/core/Tensor.h>

namespace neurosplat {

/// A picture [H, W], float or double, smoothed with a Gaussian of `sigma` pixels, cut at 4 sigma
/// and mirrored at the edges with the last pixel repeated: scipy.ndimage's gaussian_filter, which
/// the reference uses. Sigma 0 gives the picture itself; throws UsageError for a negative one.
at::Tensor gaussian_blur(const at::Tensor& picture, double sigma);

}  // namespace neurosplat
