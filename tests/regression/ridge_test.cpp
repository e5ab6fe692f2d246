#include "neurosplat/regression/ridge.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "neurosplat/core/error.h"

namespace neurosplat {
namespace {

struct Problem {
  at::Tensor features, outputs, groups;

  Problem(std::int64_t rows, std::int64_t count) {
    const auto generator = at::detail::createCPUGenerator(4);
    const auto options = at::TensorOptions(at::kDouble);
    features = 3 + 2 * at::randn({rows, count}, generator, options);
    const auto weights = at::randn({count, 3}, generator, options);
    outputs = 5 + at::mm(features, weights) + at::randn({rows, 3}, generator, options);
    groups = at::arange(rows, at::kLong).remainder(rows / 4);
  }
};

/// The normal equations of centred, scaled features: (X'X + n p) w = X'y.
at::Tensor by_normal_equations(const Problem& problem, const at::Tensor& rows, double penalty,
                               const at::Tensor& asked, const at::Tensor& mean,
                               const at::Tensor& deviation, const at::Tensor& offset, double n) {
  const auto x = (problem.features.index_select(0, rows) - mean) / deviation;
  const auto y = problem.outputs.index_select(0, rows) - offset;
  const auto weights = at::linalg_solve(
      at::mm(x.t(), x) + n * penalty * at::eye(x.size(1), x.options()), at::mm(x.t(), y));
  return at::mm((problem.features.index_select(0, asked) - mean) / deviation, weights) + offset;
}

/// More rows than features, and fewer.
TEST(Ridge, IsThatOfTheNormalEquations) {
  for (const std::int64_t count : {5, 60}) {
    const Problem problem(40, count);
    const auto fit = fit_ridge(problem.features, problem.outputs, problem.groups, {0.3});
    const auto all = at::arange(40, at::kLong);
    const auto expected =
        by_normal_equations(problem, all, 0.3, all, fit.mean, fit.deviation, fit.offset, 40);
    EXPECT_TRUE(fit.predict(problem.features).allclose(expected, 1e-9, 1e-9));
    EXPECT_TRUE(fit.mean.allclose(problem.features.mean(0)));
    EXPECT_TRUE(fit.offset.allclose(problem.outputs.mean(0)));
  }
}

/// Each group really left out: means without it, deviations and the penalty's scale kept.
TEST(Ridge, LeavesGroupsOut) {
  const Problem problem(40, 60);
  const auto fit = fit_ridge(problem.features, problem.outputs, problem.groups, {0.1});
  for (std::int64_t group = 0; group < 10; ++group) {
    const auto out = problem.groups.eq(group).nonzero().flatten();
    const auto kept = problem.groups.ne(group).nonzero().flatten();
    const auto mean = problem.features.index_select(0, kept).mean(0);
    const auto offset = problem.outputs.index_select(0, kept).mean(0);
    const auto expected =
        by_normal_equations(problem, kept, 0.1, out, mean, fit.deviation, offset, 40);
    EXPECT_TRUE(fit.left_out.index_select(0, out).allclose(expected, 1e-8, 1e-8)) << group;
  }
}

/// With more features than rows everything can be looked up, nothing foretold: noise wants the
/// largest penalty.
TEST(Ridge, NoiseIsNotForetoldWhereFeaturesOutnumberRows) {
  Problem problem(40, 60);
  problem.outputs = at::randn({40, 3}, at::detail::createCPUGenerator(11)).to(at::kDouble);
  const auto rows = at::arange(40, at::kLong);
  const auto fit = fit_ridge(problem.features, problem.outputs, rows,
                             penalties_between(1e-6, 1e4, 11), at::zeros({3}, at::kLong));
  EXPECT_GE(fit.penalty.min().item<double>(), 1);
}

/// An output that is all noise wants a large penalty, one that is linear a small one; each has the
/// error that its own penalty alone gives.
TEST(Ridge, ChoosesForEachOutput) {
  Problem problem(80, 20);
  const auto generator = at::detail::createCPUGenerator(8);
  problem.outputs =
      at::stack({problem.features.sum(1), at::randn({80}, generator).to(at::kDouble)}, 1);
  const auto penalties = penalties_between(1e-4, 1e3, 8);
  const auto fit = fit_ridge(problem.features, problem.outputs, problem.groups, penalties);
  EXPECT_LT(fit.penalty[0].item<double>(), 1e-3);
  EXPECT_GT(fit.penalty[1].item<double>(), 0.1);
  for (std::int64_t output = 0; output < 2; ++output) {
    double least = 1e300;
    for (const double penalty : penalties) {
      const auto alone = fit_ridge(problem.features, problem.outputs, problem.groups, {penalty});
      const auto error = (alone.left_out - problem.outputs).square().mean(0)[output];
      least = std::min(least, error.item<double>());
    }
    const auto error = (fit.left_out - problem.outputs).square().mean(0)[output];
    EXPECT_NEAR(error.item<double>(), least, 1e-12 + 1e-9 * least);
  }
}

/// A group's penalty is the one with which the sum of its outputs' errors is least, tried one by
/// one.
TEST(Ridge, OutputsOfAGroupShareAPenalty) {
  Problem problem(60, 20);
  const auto generator = at::detail::createCPUGenerator(9);
  const auto noise = 10 * at::randn({60, 2}, generator).to(at::kDouble);
  problem.outputs = at::cat({problem.outputs, noise}, 1);
  const auto output_groups = at::tensor({7, 2, 7, 2, 2}, at::kLong);
  const auto penalties = penalties_between(1e-4, 1e3, 8);
  const auto fit =
      fit_ridge(problem.features, problem.outputs, problem.groups, penalties, output_groups);
  for (const std::int64_t group : {2, 7}) {
    const auto own = output_groups.eq(group).nonzero().flatten();
    double least = 1e300, best = 0;
    for (const double penalty : penalties) {
      const auto alone = fit_ridge(problem.features, problem.outputs, problem.groups, {penalty});
      const auto error =
          (alone.left_out - problem.outputs).square().index_select(1, own).sum().item<double>();
      if (error < least) std::tie(least, best) = std::pair(error, penalty);
    }
    EXPECT_TRUE(fit.penalty.index_select(0, own).eq(best).all().item<bool>()) << group;
  }
  EXPECT_NE(fit.penalty[0].item<double>(), fit.penalty[1].item<double>());
  EXPECT_THROW(
      fit_ridge(problem.features, problem.outputs, problem.groups, {1}, at::zeros({4}, at::kLong)),
      Error);
}

TEST(Ridge, ConstantFeaturesDoNothing) {
  Problem problem(40, 5);
  const auto with = at::cat({problem.features, at::full({40, 1}, 7.0, at::kDouble)}, 1);
  const auto one = fit_ridge(problem.features, problem.outputs, problem.groups, {0.1});
  const auto other = fit_ridge(with, problem.outputs, problem.groups, {0.1});
  EXPECT_TRUE(other.predict(with).allclose(one.predict(problem.features), 1e-9, 1e-9));
  const auto far = at::cat({problem.features, at::full({40, 1}, 1e6, at::kDouble)}, 1);
  EXPECT_TRUE(other.predict(far).allclose(other.predict(with), 1e-9, 1e-9));
}

TEST(Ridge, RefusesWhatCannotBe) {
  const Problem problem(40, 5);
  const auto& x = problem.features;
  const auto& y = problem.outputs;
  const auto& groups = problem.groups;
  EXPECT_THROW(fit_ridge(x, y.narrow(0, 0, 39), groups, {1}), Error);
  EXPECT_THROW(fit_ridge(x, y, at::zeros({40}, at::kLong), {1}), Error);
  EXPECT_THROW(fit_ridge(x / 0, y, groups, {1}), Error);
  EXPECT_THROW(fit_ridge(x, y, groups, {0}), UsageError);
  EXPECT_THROW(fit_ridge(x, y, groups, {}), UsageError);
  EXPECT_THROW(penalties_between(1, 0.1, 3), UsageError);
  EXPECT_NEAR(penalties_between(0.01, 100, 5)[1], 0.1, 1e-12);
}

}  // namespace
}  // namespace neurosplat
