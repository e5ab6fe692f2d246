#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace neurosplat {

/// A striped blob: amplitude * exp(-(p / across)^2 / 2 - (q / along)^2 / 2)
/// * cos(2 pi frequency p + phase), where p and q are the coordinates, from the centre, along the
/// orientation and at right angles to it.
struct Gabor {
  double x = 0.0, y = 0.0;           ///< centre, pixels; (0, 0) is the middle of the first pixel
  double across = 1.0, along = 1.0;  ///< widths (standard deviations), pixels, > 0
  double orientation = 0.0;          ///< of p, at right angles to the stripes: [0, pi) from x to y
  double frequency = 0.0;            ///< stripes a pixel, >= 0
  double phase = 0.0;                ///< (-pi, pi]
  double amplitude = 0.0;            ///< >= 0

  double value(double column, double row) const;
};

struct GaborFit {
  Gabor gabor;
  double r2 = 0.0;  ///< 1 - sum of squared errors / spread around the mean; 0 for a constant column
};

/// The Gabor nearest in squares to each column of a dictionary float [side^2, K], pixels row by
/// row, side >= 4. Levenberg-Marquardt in double precision from several starts, which come from
/// the largest peaks of the spectrum and the moments of the energy; the best end counts, so that it
/// is a least square of those tried, not of all. Throws UsageError on another shape and on numbers
/// that are not finite.
std::vector<GaborFit> fit_gabors(const at::Tensor& dictionary);

/// Share of fits whose r2 is above `least`; 0 of none.
double share_well_fitted(const std::vector<GaborFit>& fits, double least = 0.8);

}  // namespace neurosplat
