#include "neurosplat/systems/iterative_vae/lca.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "neurosplat/core/error.h"
#include "neurosplat/io/safetensors.h"
#include "support/command.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

at::Tensor unit_columns(const at::Tensor& matrix) {
  return matrix / matrix.square().sum(0, true).sqrt();
}

at::Tensor normal(at::IntArrayRef sizes, std::uint64_t seed) {
  return at::randn(sizes, at::detail::createCPUGenerator(seed), at::kFloat);
}

/// Of an objective of about 1.
constexpr double kProven = 1e-9;

struct Lasso {
  at::Tensor codes;  ///< [K]
  double objective, gap;
};

/// Coordinate descent in double precision. The gap to the dual objective at the residual, scaled
/// until it is feasible, bounds how far the objective is above its least.
Lasso solve_lasso(const at::Tensor& dictionary, const at::Tensor& patch, double lambda) {
  const auto columns = dictionary.to(at::kDouble).t().contiguous(), x = patch.to(at::kDouble);
  auto codes = at::zeros({columns.size(0)}, at::kDouble), residual = x.clone();
  const auto d = columns.accessor<double, 2>();
  auto a = codes.accessor<double, 1>(), r = residual.accessor<double, 1>();
  double objective = 0.0, gap = std::numeric_limits<double>::infinity();
  for (int sweep = 0; sweep < 20000 && gap > kProven; ++sweep) {
    for (std::int64_t k = 0; k < d.size(0); ++k) {
      double length = 0.0, pull = 0.0;
      for (std::int64_t m = 0; m < d.size(1); ++m) {
        length += d[k][m] * d[k][m];
        pull += d[k][m] * (r[m] + d[k][m] * a[k]);
      }
      const double after = std::copysign(std::max(std::abs(pull) - lambda, 0.0), pull) / length;
      for (std::int64_t m = 0; m < d.size(1); ++m) r[m] += d[k][m] * (a[k] - after);
      a[k] = after;
    }
    const double strongest = at::mv(columns, residual).abs().max().item<double>();
    const auto dual = residual * std::min(1.0, lambda / strongest);
    objective =
        0.5 * residual.dot(residual).item<double>() + lambda * codes.abs().sum().item<double>();
    gap = objective - (x.dot(dual) - 0.5 * dual.dot(dual)).item<double>();
  }
  return {codes, objective, gap};
}

struct Problem {
  at::Tensor dictionary = unit_columns(normal({16, 32}, 1));
  at::Tensor patches = normal({6, 16}, 2);
};

TEST(Lca, SettlesAtTheLassoThatCoordinateDescentProves) {
  const Problem problem;
  for (const double lambda : {0.1, 0.5}) {
    const auto codes = lca_codes(problem.dictionary, problem.patches, {lambda, 20000, 4.0});
    const auto objective = lasso_objective(problem.dictionary, problem.patches, codes, lambda);
    for (std::int64_t n = 0; n < problem.patches.size(0); ++n) {
      const auto exact = solve_lasso(problem.dictionary, problem.patches[n], lambda);
      ASSERT_LE(exact.gap, kProven);
      const double got = objective[n].item<double>();
      EXPECT_GT(got, exact.objective - exact.gap - 1e-6);
      EXPECT_LT(got, exact.objective * (1.0 + 1e-4));
      EXPECT_LT((codes[n] - exact.codes).abs().max().item<double>(), 0.02);
      EXPECT_EQ((codes[n] == 0).sum().item<std::int64_t>(),
                (exact.codes == 0).sum().item<std::int64_t>());
    }
  }
}

// The published 900 steps of a hundredth: nearly there, also where columns are much alike.
TEST(Lca, PublishedStepsComeWithinHalfAPercent) {
  const Problem problem;
  const auto codes = lca_codes(problem.dictionary, problem.patches);
  const auto objective = lasso_objective(problem.dictionary, problem.patches, codes, 0.5);
  for (std::int64_t n = 0; n < problem.patches.size(0); ++n) {
    const auto exact = solve_lasso(problem.dictionary, problem.patches[n], 0.5);
    EXPECT_LT(objective[n].item<double>(), exact.objective * (1.0 + 5e-3));
  }
}

// The Euler steps from their formula, one neuron at a time in double precision.
TEST(Lca, FirstStepsFollowTheEquation) {
  const Problem problem;
  const auto d = problem.dictionary.to(at::kDouble), x = problem.patches.to(at::kDouble);
  const auto others = at::mm(d.t(), d) - at::eye(32, at::kDouble);
  auto u = at::zeros({6, 32}, at::kDouble), a = u;
  for (int step = 1; step <= 40; ++step) {
    u = u + (at::mm(x, d) - u - at::mm(a, others)) / 25.0;
    a = u.sign() * (u.abs() - 0.3).clamp_min(0.0);
    if (step == 3 || step == 40) {
      const auto codes = lca_codes(problem.dictionary, problem.patches, {0.3, step, 25.0});
      EXPECT_LT((codes - a).abs().max().item<double>(), 1e-5) << step;
    }
  }
  EXPECT_GT(a.abs().max().item<double>(), 0.5);
  EXPECT_LT(a.min().item<double>(), -0.5);
}

TEST(Lca, RefusesWhatItCannotSettle) {
  const Problem problem;
  EXPECT_THROW(lca_codes(problem.dictionary * 1.1, problem.patches), UsageError);
  EXPECT_THROW(lca_codes(problem.dictionary, at::zeros({2, 15})), UsageError);
  EXPECT_THROW(lca_codes(problem.dictionary, problem.patches, {-0.1, 10, 10.0}), UsageError);
  EXPECT_THROW(lca_codes(problem.dictionary, problem.patches, {0.1, 10, 0.5}), UsageError);
  EXPECT_THROW(lasso_objective(problem.dictionary, problem.patches, at::zeros({6, 31}), 0.1),
               UsageError);
  EXPECT_THROW(lca_codes(problem.dictionary, problem.patches * std::nan(""), {0.1, 10, 10.0}),
               Error);
  // 64 equal columns: the largest eigenvalue is 64, above 2 tau.
  const auto alike = problem.dictionary.select(1, 0).unsqueeze(1).expand({16, 64});
  EXPECT_THROW(lca_codes(alike, problem.patches, {0.01, 2000, 10.0}), Error);
  EXPECT_THROW(learn_lca_dictionary(problem.patches, {.batch = 7}, 1), UsageError);
  EXPECT_THROW(learn_lca_dictionary(problem.patches, {.columns = 0, .batch = 6}, 1), UsageError);
}

TEST(LcaDictionary, LambdaRisesToItsTarget) {
  const LcaDictionarySettings settings;  // to 0.5, from 0.05
  EXPECT_DOUBLE_EQ(lambda_of_epoch(settings, 0), 0.05);
  EXPECT_DOUBLE_EQ(lambda_of_epoch(settings, 4), 0.05);
  EXPECT_DOUBLE_EQ(lambda_of_epoch(settings, 5), 0.15);
  EXPECT_DOUBLE_EQ(lambda_of_epoch(settings, 24), 0.45);
  EXPECT_DOUBLE_EQ(lambda_of_epoch(settings, 25), 0.5);
  EXPECT_DOUBLE_EQ(lambda_of_epoch(settings, 99), 0.5);
}

/// Patches of two or three of 12 planted columns, of size 1 to 2 and both signs. Seeds 3 and 4.
struct Planted {
  at::Tensor dictionary = unit_columns(normal({16, 12}, 3));
  at::Tensor patches;

  Planted() {
    auto generator = at::detail::createCPUGenerator(4);
    const auto chosen = at::rand({1000, 12}, generator, at::kFloat) < 0.2;
    const auto size = 1.0 + at::rand({1000, 12}, generator, at::kFloat);
    const auto sign = (at::rand({1000, 12}, generator, at::kFloat) - 0.5).sign();
    patches = at::mm(chosen * size * sign, dictionary.t());
  }
};

const LcaDictionarySettings kTiny{.inference = {0.3, 60, 6.0},
                                  .columns = 12,
                                  .rate = 0.5,
                                  .batch = 100,
                                  .epochs = 60,
                                  .epochs_per_lambda = 4};

TEST(LcaDictionary, FindsThePlantedColumns) {
  const Planted planted;
  std::vector<LcaProgress> told;
  const auto learnt = learn_lca_dictionary(planted.patches, kTiny, 5, [&](const LcaProgress& now) {
    told.push_back(now);
    return true;
  });
  const auto lengths = learnt.square().sum(0).sqrt();
  EXPECT_LT((lengths - 1.0).abs().max().item<double>(), 1e-5);
  const auto best = std::get<0>(at::mm(planted.dictionary.t(), learnt).abs().max(1));
  EXPECT_GT(best.mean().item<double>(), 0.95);
  const auto start =
      std::get<0>(at::mm(planted.dictionary.t(), unit_columns(normal({16, 12}, 5))).abs().max(1));
  EXPECT_LT(start.mean().item<double>(), 0.7);  // as random columns are

  ASSERT_EQ(told.size(), 60U);
  EXPECT_EQ(told.back().epoch, 59);
  EXPECT_DOUBLE_EQ(told.back().lambda, 0.3);
  // What the last epoch says is what the codes of the learnt dictionary have, but for what it
  // learnt.
  const auto codes = lca_codes(learnt, planted.patches, kTiny.inference);
  const double objective =
      lasso_objective(learnt, planted.patches, codes, 0.3).mean().item<double>();
  EXPECT_NEAR(told.back().objective, objective, 0.02 * objective);
  EXPECT_NEAR(told.back().zeros, (codes == 0).to(at::kDouble).mean().item<double>(), 0.02);
}

TEST(LcaDictionary, TheSeedIsAllThatIsRandomAndTheCallerMayStop) {
  const Planted planted;
  LcaDictionarySettings settings = kTiny;
  settings.epochs = 3;
  const auto first = learn_lca_dictionary(planted.patches, settings, 5);
  EXPECT_TRUE(first.equal(learn_lca_dictionary(planted.patches, settings, 5)));
  EXPECT_FALSE(first.equal(learn_lca_dictionary(planted.patches, settings, 6)));
  settings.epochs = 50;
  const auto stopped = learn_lca_dictionary(planted.patches, settings, 5,
                                            [](const LcaProgress& now) { return now.epoch < 2; });
  EXPECT_TRUE(first.equal(stopped));
}

TEST(LcaInPython, ObjectiveIsThatOfScikitLearn) {
  const auto python = testing::python_with("sklearn, safetensors");
  if (!python) GTEST_SKIP() << "needs scikit-learn in .venv, which setup.sh does not install";
  const Problem problem;
  const testing::TemporaryFolder folder;
  write_safetensors(folder / "problem.safetensors",
                    {{{"dictionary", problem.dictionary}, {"patches", problem.patches}}, {}});
  const auto script = testing::source_folder() / "tests/systems/iterative_vae/reference_lasso.py";
  const auto run = testing::run_command({*python, script.string(), folder.path().string(), "0.5"});
  ASSERT_EQ(run.status, 0) << run.errors;
  const auto expected = read_safetensors(folder / "expected.safetensors").tensors.at("codes");
  const auto codes = lca_codes(problem.dictionary, problem.patches, {0.5, 20000, 4.0});
  const auto ours = lasso_objective(problem.dictionary, problem.patches, codes, 0.5);
  const auto theirs = lasso_objective(problem.dictionary, problem.patches, expected, 0.5);
  EXPECT_LT(((ours - theirs) / theirs).abs().max().item<double>(), 1e-4);
  EXPECT_LT((codes - expected).abs().max().item<double>(), 0.02);
}

}  // namespace
}  // namespace neurosplat
