#include "neurosplat/systems/iterative_vae/gabor_fit.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <random>
#include <span>
#include <vector>

#include "neurosplat/core/error.h"
#include "systems/iterative_vae/gabor_descent.h"

namespace neurosplat {
namespace {

constexpr int kSide = 16;
constexpr double kNoise = 0.05;

/// From the formula of the header, written anew.
at::Tensor drawn(const Gabor& g) {
  auto picture = at::empty({kSide * kSide}, at::kDouble);
  auto pixels = picture.accessor<double, 1>();
  for (int i = 0; i < kSide * kSide; ++i) {
    const double dx = i % kSide - g.x, dy = i / kSide - g.y;
    const double p = dx * std::cos(g.orientation) + dy * std::sin(g.orientation);
    const double q = -dx * std::sin(g.orientation) + dy * std::cos(g.orientation);
    const double envelope =
        std::exp(-p * p / (2 * g.across * g.across)) * std::exp(-q * q / (2 * g.along * g.along));
    pixels[i] = g.amplitude * envelope * std::cos(2 * std::numbers::pi * g.frequency * p + g.phase);
  }
  return picture;
}

/// Gabors with at least half a stripe under the envelope; what has less has no phase of its own.
std::vector<Gabor> planted(int count, std::uint32_t seed) {
  std::mt19937 generator(seed);
  const auto uniform = [&](double low, double high) {
    return std::uniform_real_distribution<double>(low, high)(generator);
  };
  std::vector<Gabor> gabors;
  while (static_cast<int>(gabors.size()) < count) {
    const Gabor g{.x = uniform(4, 11),
                  .y = uniform(4, 11),
                  .across = uniform(1.3, 3.5),
                  .along = uniform(1.5, 4),
                  .orientation = uniform(0, std::numbers::pi),
                  .frequency = uniform(0.07, 0.35),
                  .phase = uniform(-std::numbers::pi, std::numbers::pi),
                  .amplitude = uniform(0.5, 2)};
    if (g.across * g.frequency > 0.25) gabors.push_back(g);
  }
  return gabors;
}

at::Tensor with_noise(const std::vector<Gabor>& gabors, double share, std::uint64_t seed) {
  auto generator = at::detail::createCPUGenerator(seed);
  std::vector<at::Tensor> columns;
  for (const auto& gabor : gabors) {
    const auto noise = at::randn({kSide * kSide}, generator, at::kDouble);
    columns.push_back(drawn(gabor) + share * gabor.amplitude * noise);
  }
  return at::stack(columns, 1);
}

double squared_error(const at::Tensor& column, const Gabor& gabor) {
  return (column - drawn(gabor)).square().sum().item<double>();
}

/// The one that differs by half a turn is the same with its phase reversed.
void expect_near(const Gabor& got, Gabor wanted) {
  if (std::abs(got.orientation - wanted.orientation) > std::numbers::pi / 2) {
    wanted.orientation +=
        got.orientation > wanted.orientation ? std::numbers::pi : -std::numbers::pi;
    wanted.phase = -wanted.phase;
  }
  EXPECT_NEAR(got.x, wanted.x, 0.3);
  EXPECT_NEAR(got.y, wanted.y, 0.3);
  EXPECT_NEAR(got.across, wanted.across, 0.1 * wanted.across);
  EXPECT_NEAR(got.along, wanted.along, 0.1 * wanted.along);
  EXPECT_NEAR(got.orientation, wanted.orientation, 0.06);
  EXPECT_NEAR(got.frequency, wanted.frequency, 0.015);
  EXPECT_NEAR(got.amplitude, wanted.amplitude, 0.15 * wanted.amplitude);
  // At the planted centre: a shift of the centre and of the phase hardly differ.
  const double turn = 2 * std::numbers::pi;
  const double shift = (wanted.x - got.x) * std::cos(got.orientation) +
                       (wanted.y - got.y) * std::sin(got.orientation);
  const double phase = got.phase + turn * got.frequency * shift;
  EXPECT_NEAR(std::remainder(phase - wanted.phase, turn), 0.0, 0.15);
  EXPECT_GE(got.orientation, 0.0);
  EXPECT_LT(got.orientation, std::numbers::pi);
  EXPECT_GE(got.frequency, 0.0);
}

TEST(GaborFit, FindsPlantedGaborsUnderNoise) {
  const auto gabors = planted(60, 1);
  const auto dictionary = with_noise(gabors, kNoise, 2);
  const auto fits = fit_gabors(dictionary);
  ASSERT_EQ(fits.size(), gabors.size());
  for (std::size_t k = 0; k < fits.size(); ++k) {
    SCOPED_TRACE(k);
    expect_near(fits[k].gabor, gabors[k]);
    const auto column = dictionary.select(1, static_cast<std::int64_t>(k));
    const double squares = squared_error(column, fits[k].gabor);
    // Nearer than the planted one, whose squares are the noise: 8 numbers take 8 of 256 of it.
    EXPECT_LT(squares, squared_error(column, gabors[k]));
    const double spread = (column - column.mean()).square().sum().item<double>();
    EXPECT_NEAR(fits[k].r2, 1.0 - squares / spread, 1e-9);
    EXPECT_NEAR(fits[k].gabor.value(5, 9), drawn(fits[k].gabor)[9 * kSide + 5].item<double>(),
                1e-12);
  }
  EXPECT_EQ(share_well_fitted(fits), 1.0);
}

TEST(GaborFit, FindsThemExactlyWithoutNoise) {
  const auto gabors = planted(40, 3);
  const auto fits = fit_gabors(with_noise(gabors, 0.0, 1).to(at::kFloat));
  for (std::size_t k = 0; k < fits.size(); ++k) {
    EXPECT_GT(fits[k].r2, 1.0 - 1e-6) << k;
    EXPECT_NEAR(fits[k].gabor.x, gabors[k].x, 1e-2) << k;
    EXPECT_NEAR(fits[k].gabor.frequency, gabors[k].frequency, 1e-3) << k;
  }
}

TEST(GaborFit, NoiseAndNothingAreNoGabors) {
  auto dictionary = at::randn({kSide * kSide, 40}, at::detail::createCPUGenerator(4), at::kFloat);
  dictionary.select(1, 7).fill_(0.25);
  const auto fits = fit_gabors(dictionary);
  for (const auto& fit : fits) EXPECT_LT(fit.r2, 0.3);
  EXPECT_EQ(fits[7].r2, 0.0);
  EXPECT_EQ(fits[7].gabor.amplitude, 0.0);
  EXPECT_EQ(share_well_fitted(fits), 0.0);
  EXPECT_NEAR(share_well_fitted(fits, -1.0), 1.0, 0.0);
  EXPECT_EQ(share_well_fitted({}), 0.0);
}

TEST(GaborFit, RefusesWhatIsNoDictionary) {
  EXPECT_THROW(fit_gabors(at::zeros({255, 3})), UsageError);
  EXPECT_THROW(fit_gabors(at::zeros({9, 3})), UsageError);
  EXPECT_THROW(fit_gabors(at::zeros({256})), UsageError);
  EXPECT_THROW(fit_gabors(at::full({256, 1}, std::nan(""))), UsageError);
}

// Where the descent ends, differences of the squared errors vanish in each of its numbers.
TEST(GaborDescent, EndsWhereTheSquaresAreLevel) {
  const auto gabors = planted(10, 5);
  const auto dictionary = with_noise(gabors, kNoise, 6).t().contiguous();
  for (std::int64_t k = 0; k < 10; ++k) {
    const std::span pixels(dictionary.const_data_ptr<double>() + k * kSide * kSide, kSide * kSide);
    Gabor near = gabors[static_cast<std::size_t>(k)];
    near.x += 0.5;
    near.along *= 1.2;
    near.orientation += 0.1;
    const auto start = with_best_amplitudes(numbers_of(near), pixels, kSide);
    const auto end = descend(start, pixels, kSide, 200);
    EXPECT_LT(end.squares, start.squares);
    const auto squares = [&](const GaborNumbers& numbers) {
      return squared_error(dictionary[k], gabor_of(numbers));
    };
    EXPECT_NEAR(squares(end.numbers), end.squares, 1e-9);
    for (std::size_t i = 0; i < end.numbers.size(); ++i) {
      constexpr double kStep = 1e-3;
      GaborNumbers up = end.numbers, down = end.numbers;
      up[i] += kStep;
      down[i] -= kStep;
      const double higher = squares(up), lower = squares(down);
      const double bend = higher + lower - 2 * end.squares;
      EXPECT_GT(bend, 0.0) << i;
      // The lowest point of the parabola lies within a fraction of the step.
      EXPECT_LT(std::abs(higher - lower) / (2 * bend), 0.2) << i;
    }
  }
}

// A reversed wave is the same Gabor by other numbers.
TEST(GaborDescent, NumbersKeepTheirGabor) {
  for (const auto& gabor : planted(20, 7)) {
    for (const double turns : {0.0, 1.0, -3.0}) {
      auto numbers = numbers_of(gabor);
      numbers[4] += turns * std::numbers::pi;
      if (turns != 0.0) numbers[7] = -numbers[7];
      auto reversed = numbers;
      reversed[5] = -reversed[5];
      reversed[7] = -reversed[7];
      for (const auto& same : {numbers, reversed}) {
        EXPECT_NEAR(gabor_of(same).orientation, gabor.orientation, 1e-9);
        EXPECT_LT(squared_error(drawn(gabor), gabor_of(same)), 1e-18);
      }
    }
  }
}

}  // namespace
}  // namespace neurosplat
