#pragma once

#include <array>
#include <span>

#include "neurosplat/systems/iterative_vae/gabor_fit.h"

namespace neurosplat {

/// A Gabor as it is searched for: amplitude and phase as two linear parts, widths by their
/// logarithms. In this order: x, y, log across, log along, orientation, frequency, even, odd.
using GaborNumbers = std::array<double, 8>;

struct GaborDescent {
  GaborNumbers numbers;
  double squares;  ///< sum of squared errors
};

GaborNumbers numbers_of(const Gabor& gabor);

/// With orientation, frequency, phase and amplitude in the ranges that Gabor states.
Gabor gabor_of(const GaborNumbers& numbers);

/// The best even and odd parts for the other six numbers, and their squared errors.
GaborDescent with_best_amplitudes(GaborNumbers numbers, std::span<const double> pixels, int side);

/// Levenberg-Marquardt from a start on pixels [side * side], for at most `steps` steps. Centre,
/// widths and frequency stay where pixels can tell of them.
GaborDescent descend(const GaborDescent& start, std::span<const double> pixels, int side,
                     int steps);

}  // namespace neurosplat
