#include "neurosplat/figure/chart.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

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

/// The columns, of the part left of the names, that this colour is in.
std::vector<std::int64_t> columns_of(const at::Tensor& picture, const Colour& colour) {
  const auto area = picture.slice(2, 0, 424);
  const auto wanted = at::tensor({colour[0], colour[1], colour[2]}).view({3, 1, 1});
  const auto there = (area - wanted).abs().amax(0).lt(0.01).any(0).nonzero().view({-1});
  return {there.const_data_ptr<std::int64_t>(),
          there.const_data_ptr<std::int64_t>() + there.numel()};
}

double middle_of_dot(bool log_x, double x, double widest) {
  const Chart chart{.lines = {{"dot", kRed, {{x, 1, x}}, ChartMarks::dots},
                              {"ends", line_colour(0), {{1, 0, 1}, {widest, 2, widest}}}},
                    .log_x = log_x};
  const auto columns = columns_of(draw_chart(chart, 300, 500), kRed);
  return columns.empty() ? std::nan("")
                         : static_cast<double>(columns.front() + columns.back()) / 2.0;
}

TEST(Chart, LogarithmicAxisGivesEachPowerOfTenTheSameRoom) {
  const double one = middle_of_dot(true, 1, 1000), thousand = middle_of_dot(true, 1000, 1000);
  const double decade = (thousand - one) / 3.0;
  EXPECT_GT(decade, 80.0);
  for (const double x : {2.0, 10.0, 31.6227766, 100.0, 999.0}) {
    EXPECT_NEAR(middle_of_dot(true, x, 1000), one + decade * std::log10(x), 1.0) << x;
  }
  // 3 decades from 1 to 200 too, and nothing at 0.
  EXPECT_NEAR(middle_of_dot(true, 10, 200), one + decade, 1.0);
  EXPECT_TRUE(std::isnan(middle_of_dot(true, 0, 1000)));
  // Evenly: half of 1000 is half way, though the axis goes further.
  const double zero = middle_of_dot(false, 0, 1000);
  EXPECT_NEAR(middle_of_dot(false, 500, 1000) - zero,
              (middle_of_dot(false, 1000, 1000) - zero) / 2.0, 1.0);
}

TEST(Chart, DrawsDotsLinesOrBoth) {
  const auto red = [](ChartMarks marks, const std::vector<ChartPoint>& points) {
    const Chart chart{.lines = {{"", kRed, points, marks}}};
    return pixels_of(draw_chart(chart, 300, 500).slice(2, 0, 400), kRed);
  };
  const std::vector<ChartPoint> one = {{5, 1, 5}}, two = {{1, 1, 1}, {5, 2, 5}};
  const auto dot = red(ChartMarks::dots, one);
  EXPECT_GT(dot, 20);
  EXPECT_NEAR(static_cast<double>(red(ChartMarks::dots, two)), 2.0 * static_cast<double>(dot),
              0.25 * static_cast<double>(dot));
  EXPECT_LT(red(ChartMarks::line, one), dot / 3);
  EXPECT_GT(red(ChartMarks::line, two), 3 * dot);
  EXPECT_GT(red(ChartMarks::joined_dots, two), red(ChartMarks::line, two) + dot);
}

TEST(Chart, PaleIsOfTheSameHueAndLighter) {
  const auto light = pale({0.2F, 0.4F, 1.0F});
  EXPECT_NEAR((1.0 - light[0]) / (1.0 - light[1]), 0.8 / 0.6, 1e-5);
  EXPECT_GT(light[0], 0.5F);
  EXPECT_EQ(light[2], 1.0F);
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
  chart.log_x = true;
  EXPECT_TRUE(draw_chart(chart, 200, 300).isfinite().all().item<bool>());
}

}  // namespace
}  // namespace neurosplat
