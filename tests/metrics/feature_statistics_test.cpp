#include "neurosplat/metrics/feature_statistics.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "neurosplat/core/error.h"
#include "neurosplat/io/safetensors.h"
#include "support/command.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

/// Rows mean +- spread[i] along each axis i: their covariance is diagonal, exactly
/// 2 spread^2 / (2 D - 1).
at::Tensor star(const at::Tensor& mean, const at::Tensor& spread) {
  return at::cat({mean + at::diag(spread), mean - at::diag(spread)});
}

at::Tensor numbers(const std::vector<double>& values) {
  return at::tensor(values, at::kDouble);
}

TEST(FrechetDistance, OfDiagonalGaussiansIsTheClosedForm) {
  const auto mean1 = numbers({1, -2, 0.5, 3});
  const auto mean2 = numbers({0, 1, 0.5, -1});
  const auto spread1 = numbers({1, 2, 3, 0});
  const auto spread2 = numbers({4, 0.5, 3, 2});
  const double of_means = 1 + 9 + 0 + 16;
  const double of_spreads = (9 + 2.25 + 0 + 4) * 2.0 / 7.0;
  const auto one = star(mean1, spread1);
  const auto other = star(mean2, spread2);
  EXPECT_NEAR(frechet_distance(one, other), of_means + of_spreads, 1e-6);
  EXPECT_NEAR(frechet_distance(other, one), of_means + of_spreads, 1e-6);
  EXPECT_NEAR(frechet_distance(one.to(at::kFloat), other.to(at::kFloat)), of_means + of_spreads,
              1e-5);
}

// Of two by two, tr (S1 S2)^1/2 is (tr S1 S2 + 2 (det S1 det S2)^1/2)^1/2.
TEST(FrechetDistance, OfCovariancesThatDoNotCommuteIsTheClosedForm) {
  const double angle = 0.7;
  const auto turn = numbers({std::cos(angle), std::sin(angle), -std::sin(angle), std::cos(angle)})
                        .reshape({2, 2});
  const auto one = star(at::zeros({2}, at::kDouble), numbers({1, 3}));
  const auto other = at::matmul(star(at::zeros({2}, at::kDouble), numbers({2, 0.5})), turn);
  const auto s1 = at::diag(numbers({1, 9})) * 2.0 / 3.0;
  const auto s2 = at::matmul(turn.t(), at::matmul(at::diag(numbers({4, 0.25})), turn)) * 2.0 / 3.0;
  const double determinants = 9 * (4 * 0.25) * std::pow(2.0 / 3.0, 4);
  const double common =
      std::sqrt(at::matmul(s1, s2).trace().item<double>() + 2 * std::sqrt(determinants));
  const double expected = (s1.trace() + s2.trace()).item<double>() - 2 * common;
  EXPECT_GT(expected, 0.5);
  EXPECT_NEAR(frechet_distance(one, other), expected, 1e-12);
}

TEST(FrechetDistance, OfTheSameFewRowsIsNothingAndOfAShiftItsSquare) {
  auto generator = at::detail::createCPUGenerator(5);
  const auto rows = at::randn({10, 40}, generator, at::kDouble);
  EXPECT_NEAR(frechet_distance(rows, rows), 0, 1e-5);
  EXPECT_NEAR(frechet_distance(rows, rows + 0.5), 40 * 0.25, 1e-5);
}

TEST(FrechetDistance, AgreesWithNumPy) {
  const auto python = testing::python_with("numpy, safetensors");
  if (!python) GTEST_SKIP() << "needs .venv with numpy and safetensors";
  auto generator = at::detail::createCPUGenerator(6);
  const auto mix = at::randn({48, 48}, generator, at::kDouble);
  const TensorFile sets{{{"a", at::matmul(at::randn({200, 48}, generator, at::kDouble), mix)},
                         {"b", at::randn({150, 48}, generator, at::kDouble) * 3.0 + 1.0},
                         {"few", at::matmul(at::randn({30, 48}, generator, at::kDouble), mix.t())}},
                        {}};
  const testing::TemporaryFolder folder;
  write_safetensors(folder / "sets.safetensors", sets);
  const auto script = testing::source_folder() / "tests/metrics/reference_frechet.py";
  for (const auto& [one, other] :
       std::vector<std::pair<std::string, std::string>>{{"a", "b"}, {"few", "a"}, {"b", "few"}}) {
    const auto run = testing::run_command(
        {*python, script.string(), (folder / "sets.safetensors").string(), one, other});
    ASSERT_EQ(run.status, 0) << run.errors;
    const double expected = std::stod(run.output);
    EXPECT_NEAR(frechet_distance(sets.tensors.at(one), sets.tensors.at(other)), expected,
                1e-6 * expected)
        << one << " " << other;
  }
}

/// The definition, one number after the other.
double brute_share(const at::Tensor& points, const at::Tensor& centres, std::int64_t k) {
  const auto p = points.accessor<double, 2>();
  const auto c = centres.accessor<double, 2>();
  const auto squared = [](const auto& a, const auto& b) {
    double sum = 0;
    for (std::int64_t d = 0; d < a.size(0); ++d) sum += (a[d] - b[d]) * (a[d] - b[d]);
    return sum;
  };
  std::vector<double> radii;
  for (std::int64_t i = 0; i < c.size(0); ++i) {
    std::vector<double> others;
    for (std::int64_t j = 0; j < c.size(0); ++j)
      if (j != i) others.push_back(squared(c[i], c[j]));
    std::nth_element(others.begin(), others.begin() + k - 1, others.end());
    radii.push_back(others[static_cast<std::size_t>(k - 1)]);
  }
  std::int64_t inside = 0;
  for (std::int64_t i = 0; i < p.size(0); ++i) {
    bool found = false;
    for (std::int64_t j = 0; j < c.size(0) && !found; ++j)
      found = squared(p[i], c[j]) <= radii[static_cast<std::size_t>(j)];
    if (found) ++inside;
  }
  return static_cast<double>(inside) / static_cast<double>(p.size(0));
}

// Balls of the real: [-1, 1], [0, 2], [1, 3], [2, 18]; with two neighbours to -2 ... 4 and 1
// ... 19. Of the generated: [2.5, 3.5], [3, 4], [3.5, 4.5], [4, 36]; with two [2, 4] ...
// [3.5, 36.5].
TEST(PrecisionRecall, OfFourNumbersIsWhatAHandFinds) {
  const auto real = numbers({0, 1, 2, 10}).unsqueeze(1);
  const auto generated = numbers({3, 3.5, 4, 20}).unsqueeze(1);
  const auto nearest = precision_recall(real, generated, 1);
  EXPECT_EQ(nearest.precision, 0.75);
  EXPECT_EQ(nearest.recall, 0.25);
  const auto second = precision_recall(real, generated, 2);
  EXPECT_EQ(second.precision, 0.75);
  EXPECT_EQ(second.recall, 0.5);
}

TEST(PrecisionRecall, TellsCollapseFromNoise) {
  auto generator = at::detail::createCPUGenerator(7);
  const auto real = at::randn({100, 6}, generator, at::kDouble);
  const auto same = precision_recall(real, real);
  EXPECT_EQ(same.precision, 1);
  EXPECT_EQ(same.recall, 1);
  const auto collapsed = real.slice(0, 0, 1) + at::randn({100, 6}, generator, at::kDouble) * 1e-3;
  EXPECT_EQ(precision_recall(real, collapsed).precision, 1);
  EXPECT_LT(precision_recall(real, collapsed).recall, 0.05);
  EXPECT_EQ(precision_recall(real, real + 100.0).precision, 0);
  EXPECT_EQ(precision_recall(real, real + 100.0).recall, 0);
}

void expect_definition(std::int64_t reals, std::int64_t generateds, std::int64_t width) {
  auto generator = at::detail::createCPUGenerator(8);
  const auto real = at::randn({reals, width}, generator, at::kDouble);
  const auto generated = at::randn({generateds, width}, generator, at::kDouble) * 1.2 + 0.4;
  const auto found = precision_recall(real, generated);
  EXPECT_EQ(found.precision, brute_share(generated, real, 3));
  EXPECT_EQ(found.recall, brute_share(real, generated, 3));
  EXPECT_GT(found.precision, 0.05);
  EXPECT_LT(found.precision, 1);
  EXPECT_LT(found.recall, 1);
}

TEST(PrecisionRecall, IsTheDefinition) {
  expect_definition(60, 40, 5);
}

TEST(PrecisionRecall, IsTheDefinitionInSeveralBlocks) {
  expect_definition(4500, 4200, 2);
}

template <typename Function>
void expect_error(const Function& function, const std::string& part) {
  try {
    function();
    ADD_FAILURE() << "expected an Error with " << part;
  } catch (const Error& error) {
    const std::string what = error.what();
    EXPECT_NE(what.find(part), std::string::npos) << what;
    EXPECT_EQ(what.find('\n'), std::string::npos) << what;
  }
}

TEST(FeatureStatistics, RefuseWhatTheyCannotMeasure) {
  const auto rows = at::randn({5, 3}, at::kDouble);
  auto broken = rows.clone();
  broken[2][1] = std::numeric_limits<double>::quiet_NaN();
  expect_error([&] { frechet_distance(rows.slice(0, 0, 1), rows); }, "N >= 2");
  expect_error([&] { frechet_distance(rows, {}); }, "nothing");
  expect_error([&] { frechet_distance(rows, rows.to(at::kLong)); }, "floating-point");
  expect_error([&] { frechet_distance(rows, rows.slice(1, 0, 2)); }, "one network");
  expect_error([&] { frechet_distance(rows, rows.flatten()); }, "[15]");
  expect_error([&] { frechet_distance(broken, rows); }, "NaN");
  expect_error([&] { precision_recall(rows, broken); }, "NaN");
  expect_error([&] { precision_recall(rows, rows, 0); }, "at least 1 neighbour");
  expect_error([&] { precision_recall(rows, rows, 5); }, "N >= 6");
  expect_error([&] { precision_recall(rows, rows.slice(1, 0, 2)); }, "one network");
}

}  // namespace
}  // namespace neurosplat
