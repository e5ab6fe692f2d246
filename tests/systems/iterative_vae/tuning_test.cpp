#include "neurosplat/systems/iterative_vae/tuning.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <numbers>

#include "neurosplat/core/error.h"

namespace neurosplat {
namespace {

constexpr double kTurn = 2.0 * std::numbers::pi;

/// [count, 1] from a response to directions in radians.
at::Tensor measured(std::int64_t count, const std::function<double(double)>& response) {
  auto column = at::empty({count, 1}, at::kDouble);
  for (std::int64_t a = 0; a < count; ++a) {
    column[a][0] = response(kTurn * static_cast<double>(a) / static_cast<double>(count));
  }
  return column;
}

double only(const at::Tensor& measure) {
  return measure.item<double>();
}

// A von Mises curve has mean resultant I1(kappa) / I0(kappa), in doubled angles if it is of those.
TEST(Tuning, OfAVonMisesOrientationCurve) {
  constexpr double kPreferred = 37.0, kKappa = 2.0;
  const auto tuning = tuning_of(measured(360, [](double angle) {
    return 5.0 * std::exp(kKappa * (std::cos(2.0 * (angle - kPreferred / 360 * kTurn)) - 1.0));
  }));
  EXPECT_NEAR(only(tuning.peak), 5.0, 1e-9);
  EXPECT_NEAR(only(tuning.preferred_orientation), kPreferred, 1e-9);
  EXPECT_NEAR(std::fmod(only(tuning.preferred_direction), 180.0), kPreferred, 1e-9);
  EXPECT_NEAR(only(tuning.orientation_selectivity),
              std::cyl_bessel_i(1, kKappa) / std::cyl_bessel_i(0, kKappa), 1e-12);
  EXPECT_NEAR(only(tuning.direction_selectivity), 0.0, 1e-12);
  // exp(kappa (cos 2 d - 1)) = 1/2; between degrees it is nearly straight.
  const double half = 0.5 * std::acos(1.0 - std::numbers::ln2 / kKappa) * 360 / kTurn;
  EXPECT_NEAR(only(tuning.half_width), half, 0.01);
}

TEST(Tuning, OfAVonMisesDirectionCurve) {
  constexpr double kPreferred = 350.0, kKappa = 3.0;
  const auto tuning = tuning_of(measured(360, [](double angle) {
    return std::exp(kKappa * std::cos(angle - kPreferred / 360 * kTurn));
  }));
  const double i0 = std::cyl_bessel_i(0, kKappa);
  EXPECT_NEAR(only(tuning.preferred_direction), kPreferred, 1e-9);
  EXPECT_NEAR(only(tuning.preferred_orientation), 170.0, 1e-9);
  EXPECT_NEAR(only(tuning.direction_selectivity), std::cyl_bessel_i(1, kKappa) / i0, 1e-12);
  EXPECT_NEAR(only(tuning.orientation_selectivity), std::cyl_bessel_i(2, kKappa) / i0, 1e-12);
  const double half = std::acos(1.0 - std::numbers::ln2 / kKappa) * 360 / kTurn;
  EXPECT_NEAR(only(tuning.half_width), half, 0.01);
}

// Straight lines from the peak at 90 degrees: down to half within 25 on one side, 15 on the other.
TEST(Tuning, HalfWidthIsTheMeanOfBothSidesAndBetweenDirections) {
  auto response = at::zeros({36, 1}, at::kDouble);
  response[9][0] = 1.0;
  response[8][0] = 0.8;
  response[7][0] = 0.6;
  response[6][0] = 0.4;
  response[10][0] = 0.6;
  response[11][0] = 0.4;
  EXPECT_NEAR(only(tuning_of(response).half_width), 20.0, 1e-9);
  // Rolled, so that it goes around from 350 to 0 degrees.
  EXPECT_NEAR(only(tuning_of(response.roll(-9, 0)).half_width), 20.0, 1e-9);
  EXPECT_NEAR(only(tuning_of(response.roll(-9, 0)).preferred_direction), 0.0, 1e-9);
  EXPECT_TRUE(std::isnan(only(tuning_of(response + 2.0).half_width)));
}

TEST(Tuning, OfManyNeuronsAndOfSilentOnes) {
  auto responses = at::zeros({8, 3});
  responses.select(1, 0).fill_(2.0);
  responses[2][1] = 4.0;
  const auto tuning = tuning_of(responses);
  EXPECT_NEAR(tuning.orientation_selectivity[0].item<double>(), 0.0, 1e-12);
  EXPECT_NEAR(tuning.orientation_selectivity[1].item<double>(), 1.0, 1e-12);
  EXPECT_NEAR(tuning.direction_selectivity[1].item<double>(), 1.0, 1e-12);
  EXPECT_NEAR(tuning.preferred_direction[1].item<double>(), 90.0, 1e-12);
  EXPECT_NEAR(tuning.preferred_orientation[1].item<double>(), 90.0, 1e-12);
  EXPECT_NEAR(tuning.half_width[1].item<double>(), 22.5, 1e-12);
  EXPECT_EQ(tuning.peak[2].item<double>(), 0.0);
  for (const auto& measure :
       {tuning.preferred_direction, tuning.preferred_orientation, tuning.orientation_selectivity,
        tuning.direction_selectivity, tuning.half_width}) {
    EXPECT_TRUE(std::isnan(measure[2].item<double>()));
  }
  // Opposed directions are one orientation: 0, however it is rounded.
  auto opposed = at::zeros({360, 1});
  opposed[359][0] = opposed[1][0] = 1.0;
  const double preferred = only(tuning_of(opposed).preferred_orientation);
  EXPECT_GE(preferred, 0.0);
  EXPECT_LT(preferred, 180.0);
}

TEST(Tuning, RefusesWhatAreNoResponses) {
  EXPECT_THROW(tuning_of(at::ones({2, 4})), UsageError);
  EXPECT_THROW(tuning_of(at::ones({8})), UsageError);
  EXPECT_THROW(tuning_of(at::full({8, 2}, -1.0)), UsageError);
  EXPECT_THROW(tuning_of(at::full({8, 2}, std::nan(""))), UsageError);
}

}  // namespace
}  // namespace neurosplat
