#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace neurosplat {

struct WhiteningOptions {
  /// The filter as the published code of iterative VAEs applies it: its grid of frequencies has 0
  /// in the middle, the spectrum has it at the corner, so that low frequencies get what high ones
  /// should. Otherwise the textbook's.
  bool mirrored = false;
  double cutoff = 0.5;              ///< f0, cycles/px
  std::int64_t neighbourhood = 13;  ///< pixels, odd: side of the window of local contrast
  double spread = 0.5;              ///< of its weights exp(-r^2/spread), r = 1 half a side away
  std::int64_t border = 4;          ///< pixels cut off at each side in the end
};

/// Whitens a picture after Olshausen and Field (1996) and evens its contrast after Jarrett et al.
/// (2009), float64 [H, W] to float64 [H - 2 border, W - 2 border]:
///   1. its spectrum is multiplied by R(f) = f exp(-(f/f0)^4), f in cycles/px, periodic borders;
///   2. the local mean is subtracted, then the rest divided by its local standard deviation, or by
///      the mean of that over the picture where it is below; weights as above, zeros outside;
///   3. the mean is subtracted, and the rest divided by the standard deviation (of H W - 1);
///   4. the border is cut off.
/// Does not depend on the number of threads where it runs inside at::parallel_for. Throws Error
/// when a side is shorter than the neighbourhood or not longer than both borders, when a number is
/// not finite, and when the picture is the same everywhere; UsageError for options out of range.
at::Tensor whitened(const at::Tensor& picture, const WhiteningOptions& options = {});

}  // namespace neurosplat
