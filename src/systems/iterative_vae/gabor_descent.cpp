#include "systems/iterative_vae/gabor_descent.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>

namespace neurosplat {
namespace {

constexpr std::size_t kCount = std::tuple_size_v<GaborNumbers>;
constexpr double kTurn = 2.0 * std::numbers::pi;
/// A width below this is one pixel's, whatever it is exactly.
constexpr double kNarrowest = 0.4;
/// Just beyond a stripe and a gap on neighbouring pixels of a diagonal.
constexpr double kFastest = 0.75;
constexpr double kFirstDamping = 1e-2, kLeastDamping = 1e-9, kMostDamping = 1e9;
/// Relative gain of a step below which the end is reached.
constexpr double kSmallestGain = 1e-9;

/// Right sides and the lower triangle of the normal equations.
struct NormalEquations {
  std::array<std::array<double, kCount>, kCount> matrix{};
  std::array<double, kCount> right{};
  double squares = 0.0;
};

/// What all pixels share.
struct Frame {
  double x, y, cosine, sine, narrowness, slimness, turn;

  explicit Frame(const GaborNumbers& n)
      : x(n[0]),
        y(n[1]),
        cosine(std::cos(n[4])),
        sine(std::sin(n[4])),
        narrowness(std::exp(-2.0 * n[2])),
        slimness(std::exp(-2.0 * n[3])),
        turn(kTurn * n[5]) {}
};

/// The even and odd waves under the envelope, at one pixel.
struct Waves {
  double p, q, even, odd;

  Waves(const Frame& frame, int column, int row) {
    const double dx = column - frame.x, dy = row - frame.y;
    p = frame.cosine * dx + frame.sine * dy;
    q = frame.cosine * dy - frame.sine * dx;
    const double envelope = std::exp(-0.5 * (p * p * frame.narrowness + q * q * frame.slimness));
    even = envelope * std::cos(frame.turn * p);
    odd = envelope * std::sin(frame.turn * p);
  }
};

double squares_of(const GaborNumbers& n, std::span<const double> pixels, int side) {
  const Frame frame(n);
  double squares = 0.0;
  for (int row = 0, i = 0; row < side; ++row) {
    for (int column = 0; column < side; ++column, ++i) {
      const Waves waves(frame, column, row);
      const double error =
          pixels[static_cast<std::size_t>(i)] - n[6] * waves.even - n[7] * waves.odd;
      squares += error * error;
    }
  }
  return squares;
}

NormalEquations equations_of(const GaborNumbers& n, std::span<const double> pixels, int side) {
  const Frame frame(n);
  NormalEquations equations;
  for (int row = 0, i = 0; row < side; ++row) {
    for (int column = 0; column < side; ++column, ++i) {
      const Waves waves(frame, column, row);
      const double value = n[6] * waves.even + n[7] * waves.odd;
      const double across = n[7] * waves.even - n[6] * waves.odd;  // d value / d (turn p)
      const double by_p = across * frame.turn - value * waves.p * frame.narrowness;
      const double by_q = -value * waves.q * frame.slimness;
      const std::array<double, kCount> slopes = {frame.sine * by_q - frame.cosine * by_p,
                                                 -frame.sine * by_p - frame.cosine * by_q,
                                                 value * waves.p * waves.p * frame.narrowness,
                                                 value * waves.q * waves.q * frame.slimness,
                                                 by_p * waves.q - by_q * waves.p,
                                                 across * kTurn * waves.p,
                                                 waves.even,
                                                 waves.odd};
      const double error = pixels[static_cast<std::size_t>(i)] - value;
      equations.squares += error * error;
      for (std::size_t a = 0; a < kCount; ++a) {
        equations.right[a] += slopes[a] * error;
        for (std::size_t b = 0; b <= a; ++b) equations.matrix[a][b] += slopes[a] * slopes[b];
      }
    }
  }
  return equations;
}

/// The step of the damped equations by Cholesky factors; nothing where they are singular.
std::optional<std::array<double, kCount>> step_of(const NormalEquations& equations,
                                                  double damping) {
  auto factor = equations.matrix;
  double largest = 0.0;
  for (std::size_t a = 0; a < kCount; ++a) largest = std::max(largest, factor[a][a]);
  std::array<double, kCount> step = equations.right;
  for (std::size_t a = 0; a < kCount; ++a) {
    // A share of the largest as well: a number that changes nothing must not make them singular.
    factor[a][a] += damping * (factor[a][a] + 1e-12 * largest);
    for (std::size_t b = 0; b <= a; ++b) {
      for (std::size_t c = 0; c < b; ++c) factor[a][b] -= factor[a][c] * factor[b][c];
      if (b < a) factor[a][b] /= factor[b][b];
    }
    if (!(factor[a][a] > 0)) return std::nullopt;
    factor[a][a] = std::sqrt(factor[a][a]);
    for (std::size_t c = 0; c < a; ++c) step[a] -= factor[a][c] * step[c];
    step[a] /= factor[a][a];
  }
  for (std::size_t a = kCount; a-- > 0;) {
    for (std::size_t c = a + 1; c < kCount; ++c) step[a] -= factor[c][a] * step[c];
    step[a] /= factor[a][a];
  }
  return step;
}

/// Kept where pixels tell of it: the centre within half a side around them, widths up to two sides.
GaborNumbers bounded(GaborNumbers n, int side) {
  const double beyond = 0.5 * side;
  n[0] = std::clamp(n[0], -beyond, side + beyond);
  n[1] = std::clamp(n[1], -beyond, side + beyond);
  n[2] = std::clamp(n[2], std::log(kNarrowest), std::log(2.0 * side));
  n[3] = std::clamp(n[3], std::log(kNarrowest), std::log(2.0 * side));
  n[5] = std::clamp(n[5], -kFastest, kFastest);
  return n;
}

}  // namespace

GaborNumbers numbers_of(const Gabor& g) {
  return {g.x,
          g.y,
          std::log(g.across),
          std::log(g.along),
          g.orientation,
          g.frequency,
          g.amplitude * std::cos(g.phase),
          -g.amplitude * std::sin(g.phase)};
}

Gabor gabor_of(const GaborNumbers& n) {
  // A half turn reverses p, and so does a negative frequency: each changes the odd part's sign.
  const double half_turns = std::floor(n[4] / std::numbers::pi);
  const bool turned = std::abs(std::fmod(half_turns, 2.0)) > 0.5;
  const double odd = turned != (n[5] < 0) ? -n[7] : n[7];
  return {.x = n[0],
          .y = n[1],
          .across = std::exp(n[2]),
          .along = std::exp(n[3]),
          .orientation = n[4] - half_turns * std::numbers::pi,
          .frequency = std::abs(n[5]),
          .phase = std::atan2(-odd, n[6]),
          .amplitude = std::hypot(n[6], n[7])};
}

GaborDescent with_best_amplitudes(GaborNumbers numbers, std::span<const double> pixels, int side) {
  const Frame frame(numbers);
  double ee = 0.0, eo = 0.0, oo = 0.0, ev = 0.0, ov = 0.0;
  for (int row = 0, i = 0; row < side; ++row) {
    for (int column = 0; column < side; ++column, ++i) {
      const Waves waves(frame, column, row);
      const double value = pixels[static_cast<std::size_t>(i)];
      ee += waves.even * waves.even;
      eo += waves.even * waves.odd;
      oo += waves.odd * waves.odd;
      ev += waves.even * value;
      ov += waves.odd * value;
    }
  }
  // A millionth keeps them solvable where one of the waves is nearly nothing.
  ee += 1e-6 * (ee + oo) + 1e-30;
  oo += 1e-6 * (ee + oo) + 1e-30;
  const double determinant = ee * oo - eo * eo;
  numbers[6] = (ev * oo - ov * eo) / determinant;
  numbers[7] = (ov * ee - ev * eo) / determinant;
  return {numbers, squares_of(numbers, pixels, side)};
}

GaborDescent descend(const GaborDescent& start, std::span<const double> pixels, int side,
                     int steps) {
  GaborDescent best = start;
  double damping = kFirstDamping;
  auto equations = equations_of(best.numbers, pixels, side);
  for (int i = 0; i < steps && damping < kMostDamping; ++i) {
    const auto step = step_of(equations, damping);
    GaborNumbers moved = best.numbers;
    for (std::size_t a = 0; step && a < kCount; ++a) moved[a] += (*step)[a];
    moved = bounded(moved, side);
    const double squares = step ? squares_of(moved, pixels, side) : best.squares;
    if (!(squares < best.squares)) {
      damping *= 4.0;
      continue;
    }
    const double gain = best.squares - squares;
    best = {moved, squares};
    if (gain < kSmallestGain * squares) break;
    damping = std::max(kLeastDamping, damping * 0.2);
    equations = equations_of(best.numbers, pixels, side);
  }
  return best;
}

}  // namespace neurosplat
