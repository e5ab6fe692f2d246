#include "report/curve_figure.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <regex>
#include <string>
#include <utility>
#include <vector>

namespace neurosplat::report {
namespace {

using Pairs = std::vector<std::pair<double, double>>;

Pairs pairs_of(const std::string& figure, const std::regex& pattern) {
  Pairs pairs;
  for (auto it = std::sregex_iterator(figure.begin(), figure.end(), pattern);
       it != std::sregex_iterator(); ++it) {
    pairs.emplace_back(std::stod((*it)[1]), std::stod((*it)[2]));
  }
  return pairs;
}

std::vector<Pairs> polylines_of(const std::string& figure) {
  static const std::regex line(R"re(<polyline[^>]* points="([^"]*)">)re"),
      point(R"(([-\d.]+),([-\d.]+))");
  std::vector<Pairs> lines;
  for (auto it = std::sregex_iterator(figure.begin(), figure.end(), line);
       it != std::sregex_iterator(); ++it) {
    lines.push_back(pairs_of((*it)[1], point));
  }
  return lines;
}

/// What an eye does: a place between two labelled ticks of an axis, back to its value.
class Ruler {
 public:
  Ruler(Pairs ticks, bool logarithmic) : ticks_(std::move(ticks)), logarithmic_(logarithmic) {
    for (auto& [place, value] : ticks_) value = logarithmic_ ? std::log10(value) : value;
  }
  double operator()(double place) const {
    const auto& [p0, v0] = ticks_.front();
    const auto& [p1, v1] = ticks_.back();
    const double value = v0 + (place - p0) / (p1 - p0) * (v1 - v0);
    return logarithmic_ ? std::pow(10, value) : value;
  }
  std::size_t size() const { return ticks_.size(); }

 private:
  Pairs ticks_;
  bool logarithmic_;
};

Ruler values_of(const std::string& figure, bool logarithmic) {
  static const std::regex label(R"re(y="([-\d.]+)" text-anchor="end">([^<]+)<)re");
  auto ticks = pairs_of(figure, label);
  for (auto& [place, value] : ticks) place -= 4;  // the label's line of writing
  return {ticks, logarithmic};
}

Ruler epochs_of(const std::string& figure) {
  static const std::regex label(
      R"re(<text x="([-\d.]+)" y="[-\d.]+" text-anchor="middle">(\d+)<)re");
  return {pairs_of(figure, label), false};
}

void expect_points(const Pairs& drawn, const std::vector<Term::Point>& points,
                   const std::string& figure, bool logarithmic, double tolerance) {
  const auto value = values_of(figure, logarithmic), epoch = epochs_of(figure);
  ASSERT_GE(value.size(), 2U) << figure;
  ASSERT_GE(epoch.size(), 2U) << figure;
  ASSERT_EQ(drawn.size(), points.size());
  static const std::regex box(R"re(viewBox="0 0 (\d+) (\d+)")re");
  const auto [width, height] = pairs_of(figure, box).at(0);
  for (const auto& [x, y] : drawn) {
    EXPECT_TRUE(x > 0 && x < width && y > 0 && y < height) << x << ", " << y;
  }
  for (std::size_t i = 0; i < points.size(); ++i) {
    EXPECT_NEAR(epoch(drawn[i].first), points[i].epoch, 0.01);
    const double seen = value(drawn[i].second);
    EXPECT_NEAR(logarithmic ? seen / points[i].value : seen, logarithmic ? 1 : points[i].value,
                tolerance);
  }
}

TEST(CurveFigure, ShowsTheValuesOfTheFiles) {
  const Term one{"mse", {{1, 0.31}, {2, 0.12}, {3, 0.27}, {10, 0.05}}};
  const Term two{"mse", {{1, 0.2}, {4, -0.1}}};
  const auto figure = curve_figure("mse", {{"first", 0, &one}, {"second", 1, &two}});
  const auto lines = polylines_of(figure);
  ASSERT_EQ(lines.size(), 2U) << figure;
  expect_points(lines[0], one.points, figure, false, 0.0005);
  expect_points(lines[1], two.points, figure, false, 0.0005);
  EXPECT_NE(figure.find("first <b>0.05</b>"), std::string::npos) << figure;
  EXPECT_NE(figure.find("second <b>-0.1</b>"), std::string::npos) << figure;
  EXPECT_EQ(figure.find("logarithmic"), std::string::npos);
}

TEST(CurveFigure, IsLogarithmicWhereValuesSpanALot) {
  const Term term{"lr", {{1, 1e-3}, {2, 3e-4}, {3, 1e-5}, {4, 2e-7}}};
  const auto figure = curve_figure("lr", {{"run", 0, &term}});
  EXPECT_NE(figure.find("logarithmic"), std::string::npos);
  expect_points(polylines_of(figure).at(0), term.points, figure, true, 0.002);
}

TEST(CurveFigure, LeavesAGapWhereAValueIsNotFinite) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Term term{"loss", {{1, 3}, {2, 2}, {3, nan}, {4, 5}, {5, nan}, {6, 1}, {7, 1.5}}};
  const auto figure = curve_figure("loss", {{"run", 0, &term}});
  const auto lines = polylines_of(figure);
  ASSERT_EQ(lines.size(), 2U);
  expect_points(lines[0], {{1, 3}, {2, 2}}, figure, false, 0.005);
  expect_points(lines[1], {{6, 1}, {7, 1.5}}, figure, false, 0.005);
  EXPECT_NE(figure.find("<circle"), std::string::npos) << "the point between two gaps";
  EXPECT_EQ(figure.find("nan"), std::string::npos);
}

TEST(CurveFigure, DrawsOnePointAndOneValue) {
  const Term point{"psnr", {{3, 20}}}, flat{"beta", {{1, 5}, {2, 5}}}, zero{"kl", {{1, 0}, {2, 0}}};
  EXPECT_NE(curve_figure("psnr", {{"run", 0, &point}}).find("<circle"), std::string::npos);
  for (const auto* term : {&flat, &zero}) {
    const auto figure = curve_figure("x", {{"run", 0, term}});
    const auto line = polylines_of(figure).at(0);
    EXPECT_EQ(line[0].second, line[1].second);
    EXPECT_EQ(figure.find("nan"), std::string::npos) << figure;
    EXPECT_EQ(figure.find("inf"), std::string::npos) << figure;
  }
}

TEST(CurveFigure, EscapesNames) {
  const Term term{"x", {{1, 1}, {2, 2}}};
  const auto figure = curve_figure("<script>", {{"\"><b onload='x'>", 0, &term}});
  EXPECT_EQ(figure.find("<script"), std::string::npos);
  EXPECT_EQ(figure.find("<b onload"), std::string::npos);
}

TEST(Thinned, KeepsEndsAndExtremes) {
  std::vector<Term::Point> points;
  for (int i = 0; i < 100'000; ++i) points.push_back({1.0 + i, std::sin(i * 0.001)});
  points[51'234].value = 9;
  points[70'001].value = -9;
  const auto kept = thinned(points, 600);
  EXPECT_LE(kept.size(), 600U);
  EXPECT_GE(kept.size(), 300U);
  EXPECT_EQ(kept.front().epoch, 1);
  EXPECT_EQ(kept.back().epoch, 100'000);
  const auto has = [&](double value) {
    return std::any_of(kept.begin(), kept.end(), [&](const auto& p) { return p.value == value; });
  };
  EXPECT_TRUE(has(9));
  EXPECT_TRUE(has(-9));
  for (std::size_t i = 1; i < kept.size(); ++i) EXPECT_LT(kept[i - 1].epoch, kept[i].epoch);
  EXPECT_EQ(thinned({{1, 2}, {2, 3}}, 600).size(), 2U);
}

TEST(Ticks, AreRoundAndWithin) {
  EXPECT_EQ(ticks(0.2, 9.7, false), (std::vector<double>{2, 4, 6, 8}));
  EXPECT_EQ(ticks(1, 18, false), (std::vector<double>{5, 10, 15}));
  const auto powers = ticks(2e-7, 1e-3, true);
  ASSERT_EQ(powers.size(), 4U);
  EXPECT_DOUBLE_EQ(powers.front(), 1e-6);
  EXPECT_DOUBLE_EQ(powers.back(), 1e-3);
}

}  // namespace
}  // namespace neurosplat::report
