#include "neurosplat/systems/iterative_vae/gabor_fit.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <span>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "systems/iterative_vae/gabor_descent.h"
#include "systems/iterative_vae/matrix_checks.h"

namespace neurosplat {
namespace {

/// Spectra are taken of columns with zeros around them: bins of 1/64 of a pixel at 16 x 16.
constexpr int kPadding = 4;
constexpr std::size_t kPeaks = 3;
/// Widths tried, as shares of those that the energy has.
constexpr std::array<double, 3> kWidths = {0.6, 1.0, 1.6};
/// Every start goes a few steps, the best of them on to the end.
constexpr int kFirstSteps = 8, kLastSteps = 120;
constexpr std::size_t kFinalists = 3;

struct Wave {
  double across, down;  ///< cycles a pixel, across >= 0
};

struct Moments {
  double x = 0.0, y = 0.0, xx = 0.0, xy = 0.0, yy = 0.0;
};

int side_of(const at::Tensor& dictionary) {
  check_matrix("dictionary [side^2, K]", dictionary);
  const auto side = static_cast<int>(std::lround(std::sqrt(dictionary.size(0))));
  if (side < 4 || std::int64_t{side} * side != dictionary.size(0)) {
    throw UsageError(text("expected dictionary columns of a square number of pixels, at least 16, ",
                          "to fit Gabors to, got ", dictionary.size(0),
                          ": use a dictionary of square patches"));
  }
  if (!at::isfinite(dictionary).all().item<bool>()) {
    throw UsageError(
        "expected a dictionary of finite numbers to fit Gabors to, got NaN or "
        "infinity: check where it comes from");
  }
  return side;
}

/// The largest local peaks of a half spectrum [size, size / 2 + 1]. Where waves are slow in both
/// directions they stand for a blob, which is a wave of frequency 0.
std::vector<Wave> peaks_of(std::span<const double> power, int size) {
  struct Peak {
    double power;
    int row, column;
  };
  const int columns = size / 2 + 1;
  const auto power_at = [&](int row, int column) {
    // Beyond an edge the spectrum goes on mirrored about the origin.
    if (column < 0 || column >= columns) {
      column = column < 0 ? -column : size - column;
      row = -row;
    }
    return power[static_cast<std::size_t>((row + 2 * size) % size * columns + column)];
  };
  std::vector<Peak> peaks;
  for (int row = 0; row < size; ++row) {
    for (int column = 0; column < columns; ++column) {
      const double here = power_at(row, column);
      bool peak = true;
      for (int i = 0; i < 9 && peak; ++i)
        peak = here >= power_at(row + i / 3 - 1, column + i % 3 - 1);
      if (peak) peaks.push_back({here, row, column});
    }
  }
  const auto last = peaks.begin() + static_cast<std::ptrdiff_t>(std::min(kPeaks, peaks.size()));
  std::partial_sort(peaks.begin(), last, peaks.end(),
                    [](const Peak& a, const Peak& b) { return a.power > b.power; });
  std::vector<Wave> waves;
  for (auto peak = peaks.begin(); peak != last; ++peak) {
    const int signed_row = peak->row > size / 2 ? peak->row - size : peak->row;
    waves.push_back(
        {static_cast<double>(peak->column) / size, static_cast<double>(signed_row) / size});
  }
  return waves;
}

/// Of the energy in a pixel and its neighbours, where it is at least a tenth of the largest: what
/// lies about weakly everywhere would widen them.
Moments moments_of(std::span<const double> pixels, int side) {
  std::vector<double> energy(pixels.size());
  for (int row = 0; row < side; ++row) {
    for (int column = 0; column < side; ++column) {
      double sum = 0.0;
      for (int y = std::max(0, row - 1); y <= std::min(side - 1, row + 1); ++y) {
        for (int x = std::max(0, column - 1); x <= std::min(side - 1, column + 1); ++x) {
          const double value = pixels[static_cast<std::size_t>(y * side + x)];
          sum += value * value;
        }
      }
      energy[static_cast<std::size_t>(row * side + column)] = sum;
    }
  }
  const double least = 0.1 * *std::max_element(energy.begin(), energy.end());
  Moments moments;
  double total = 0.0;
  for (int i = 0; i < side * side; ++i) {
    const double weight = energy[static_cast<std::size_t>(i)];
    if (weight < least) continue;
    const double x = i % side, y = i / side;
    total += weight;
    moments.x += weight * x;
    moments.y += weight * y;
    moments.xx += weight * x * x;
    moments.xy += weight * x * y;
    moments.yy += weight * y * y;
  }
  moments.x /= total;
  moments.y /= total;
  moments.xx = moments.xx / total - moments.x * moments.x;
  moments.xy = moments.xy / total - moments.x * moments.y;
  moments.yy = moments.yy / total - moments.y * moments.y;
  return moments;
}

/// The energy of a Gaussian envelope is half as wide in squares.
Gabor start_of(const Wave& wave, const Moments& moments, double width) {
  const double orientation = std::atan2(wave.down, wave.across);
  const double c = std::cos(orientation), s = std::sin(orientation);
  const double across = c * c * moments.xx + 2.0 * c * s * moments.xy + s * s * moments.yy;
  const double along = s * s * moments.xx - 2.0 * c * s * moments.xy + c * c * moments.yy;
  return {.x = moments.x,
          .y = moments.y,
          .across = width * std::sqrt(std::max(0.5, 2.0 * across)),
          .along = width * std::sqrt(std::max(0.5, 2.0 * along)),
          .orientation = orientation,
          .frequency = std::hypot(wave.across, wave.down)};
}

double spread_of(std::span<const double> pixels) {
  double mean = 0.0, spread = 0.0;
  for (const double value : pixels) mean += value / static_cast<double>(pixels.size());
  for (const double value : pixels) spread += (value - mean) * (value - mean);
  return spread;
}

GaborFit fit(std::span<const double> pixels, std::span<const double> power, int side) {
  const auto [least, most] = std::minmax_element(pixels.begin(), pixels.end());
  if (*least == *most) return {};
  const Moments moments = moments_of(pixels, side);
  std::vector<GaborDescent> ends;
  for (const Wave& wave : peaks_of(power, kPadding * side)) {
    for (const double width : kWidths) {
      const auto start =
          with_best_amplitudes(numbers_of(start_of(wave, moments, width)), pixels, side);
      ends.push_back(descend(start, pixels, side, kFirstSteps));
    }
  }
  const auto better = [](const GaborDescent& a, const GaborDescent& b) {
    return a.squares < b.squares;
  };
  std::sort(ends.begin(), ends.end(), better);
  ends.resize(std::min(kFinalists, ends.size()));
  for (auto& end : ends) end = descend(end, pixels, side, kLastSteps);
  const auto& best = *std::min_element(ends.begin(), ends.end(), better);
  return {gabor_of(best.numbers), 1.0 - best.squares / spread_of(pixels)};
}

}  // namespace

double Gabor::value(double column, double row) const {
  const double c = std::cos(orientation), s = std::sin(orientation);
  const double p = (c * (column - x) + s * (row - y)) / across;
  const double q = (c * (row - y) - s * (column - x)) / along;
  return amplitude * std::exp(-0.5 * (p * p + q * q)) *
         std::cos(2.0 * std::numbers::pi * frequency * across * p + phase);
}

std::vector<GaborFit> fit_gabors(const at::Tensor& dictionary) {
  const c10::NoGradGuard no_grad;
  const int side = side_of(dictionary);
  const at::Tensor columns = dictionary.t().to(at::kCPU, at::kDouble).contiguous();
  const std::int64_t size = std::int64_t{kPadding} * side;
  // Without the mean, whose peak would stand before all others.
  const at::Tensor pictures =
      (columns - columns.mean(1, /*keepdim=*/true)).reshape({-1, side, side});
  const at::Tensor waves = at::fft_rfft2(pictures, at::IntArrayRef({size, size}));
  const at::Tensor spectra = waves.abs().square_().flatten(1).contiguous();
  std::vector<GaborFit> fits(static_cast<std::size_t>(columns.size(0)));
  const auto row_of = [](const at::Tensor& matrix, std::int64_t row) {
    return std::span(matrix.const_data_ptr<double>() + row * matrix.size(1),
                     static_cast<std::size_t>(matrix.size(1)));
  };
  at::parallel_for(0, columns.size(0), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t k = begin; k < end; ++k) {
      fits[static_cast<std::size_t>(k)] = fit(row_of(columns, k), row_of(spectra, k), side);
    }
  });
  return fits;
}

double share_well_fitted(const std::vector<GaborFit>& fits, double least) {
  if (fits.empty()) return 0.0;
  const auto good =
      std::count_if(fits.begin(), fits.end(), [&](const GaborFit& fit) { return fit.r2 > least; });
  return static_cast<double>(good) / static_cast<double>(fits.size());
}

}  // namespace neurosplat
