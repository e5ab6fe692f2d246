#include "neurosplat/figure/chart.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace neurosplat {
namespace {

/// Pixels of exactly this colour.
std::int64_t pixels_of(const at::Tensor& picture, const Colour& colour) {
  const auto wanted = at::tensor({colour[0], colour[1], colour[2]}).mul(255).round().div(255);
  return (picture - wanted.view({3, 1, 1})).abs().amax(0).lt(1e-3).sum().item<std::int64_t>();
}

Chart example() {
  return {.title = "two lines",
          .x_name = "ms",
          .y_name = "dB",
          .lines = {{"first", line_colour(0), {{5, 20, 9}, {10, 25, 10}}},
                    {"second", line_colour(1), {{7, 12, 7}}}},
          .levels = {{"level", kRed, 15}}};
}

TEST(Chart, DrawsLinesAndLevelsInTheirColours) {
  const auto picture = draw_chart(example(), 300, 500);
  EXPECT_EQ(picture.sizes(), (at::IntArrayRef{3, 300, 500}));
  EXPECT_GT(pixels_of(picture, line_colour(0)), 200);
  EXPECT_GT(pixels_of(picture, line_colour(1)), 30);
  EXPECT_GT(pixels_of(picture, kRed), 200);
}

TEST(Chart, PutsPointsWhereTheyBelong) {
  auto chart = example();
  chart.levels.clear();
  const auto highest_row = [&](double y) {
    // Left of the names.
    chart.lines[1].points = {{10, y, 10}};
    const auto area = draw_chart(chart, 300, 500).slice(2, 0, 400);
    const auto colour = at::tensor({line_colour(1)[0], line_colour(1)[1], line_colour(1)[2]});
    const auto there = (area - colour.view({3, 1, 1})).abs().amax(0).lt(0.01).any(1).nonzero();
    return there.min().item<std::int64_t>();
  };
  EXPECT_LT(highest_row(24), highest_row(22));
  EXPECT_NEAR(static_cast<double>(highest_row(21) - highest_row(23)),
              static_cast<double>(highest_row(22) - highest_row(24)), 1.0);
}

TEST(Chart, NothingAndNoNumbersLeaveAnEmptyFrame) {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  Chart chart{.title = "nothing"};
  EXPECT_EQ(draw_chart(chart, 200, 300).size(1), 200);
  chart.lines = {{"none", kRed, {{kNone, 1, 1}, {1, INFINITY, 1}}}};
  chart.levels = {{"level", kGreen, kNone}};
  const auto picture = draw_chart(chart, 200, 300);
  EXPECT_TRUE(picture.isfinite().all().item<bool>());
  EXPECT_EQ(pixels_of(picture, kGreen), 0);
}

}  // namespace
}  // namespace neurosplat
