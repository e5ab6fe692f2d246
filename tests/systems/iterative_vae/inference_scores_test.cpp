#include "neurosplat/systems/iterative_vae/inference_scores.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "neurosplat/core/error.h"
#include "support/command.h"

namespace neurosplat {
namespace {

// Of the patch 1, 2, 3, 6: mean 3, spread 4 + 1 + 0 + 9 = 14; errors 1, 0, 0, 4 add up to 5.
TEST(InferenceScores, R2AndErrorOfAPatchByHand) {
  const auto patches = at::tensor({1.0F, 2.0F, 3.0F, 6.0F, 0.0F, 0.0F, 1.0F, 1.0F}).reshape({2, 4});
  const auto given = at::tensor({2.0F, 2.0F, 3.0F, 4.0F, 0.5F, 0.5F, 0.5F, 0.5F}).reshape({2, 4});
  const auto r2 = patch_r2(patches, given);
  EXPECT_NEAR(r2[0].item<double>(), 1.0 - 5.0 / 14.0, 1e-12);
  EXPECT_NEAR(r2[1].item<double>(), 0.0, 1e-12);  // its own mean explains nothing
  EXPECT_NEAR(mean_r2(patches, given), 0.5 * (1.0 - 5.0 / 14.0), 1e-12);
  EXPECT_NEAR(summed_squared_error(patches, given), 0.5 * (5.0 + 1.0), 1e-12);
  EXPECT_EQ(mean_r2(patches, patches), 1.0);
}

TEST(InferenceScores, APatchOfOneValueIsLeftOutAndANaNIsNot) {
  auto patches = at::tensor({0.1F, 0.1F, 0.1F, 1.0F, 2.0F, 3.0F}).reshape({2, 3});
  auto given = at::tensor({0.3F, 0.2F, 0.1F, 1.0F, 2.0F, 4.0F}).reshape({2, 3});
  EXPECT_TRUE(std::isnan(patch_r2(patches, given)[0].item<double>()));
  EXPECT_NEAR(mean_r2(patches, given), 0.5, 1e-12);
  EXPECT_TRUE(std::isnan(mean_r2(patches.narrow(0, 0, 1), given.narrow(0, 0, 1))));
  given[1][0] = std::nan("");
  EXPECT_TRUE(std::isnan(mean_r2(patches, given)));
}

TEST(InferenceScores, ZerosAndDistance) {
  const auto activity = at::tensor({0.0F, -0.0F, 1e-30F, 2.0F, 0.0F, -1.0F}).reshape({2, 3});
  EXPECT_DOUBLE_EQ(share_of_zeros(activity), 0.5);
  EXPECT_NEAR(distance_to_ideal(1.0 - 0.3, 1.0 - 0.4), 0.5, 1e-15);
  EXPECT_NEAR(distance_to_ideal(0.8269, 0.7750), 0.284, 5e-4);  // as published
}

// Of m equally active among n: (1 - m/n) / (1 - 1/n).
TEST(InferenceScores, SparsityOfEquallyActiveNeurons) {
  auto activity = at::zeros({8, 5});
  activity.narrow(0, 0, 2).select(1, 0).fill_(3.0);  // 2 of 8 samples
  activity.select(1, 1).fill_(0.7);                  // all
  activity[4][2] = 11.0;                             // one
  const auto lifetime = sparsity(activity, SparsityKind::lifetime);
  ASSERT_EQ(lifetime.sizes(), at::IntArrayRef({5}));
  EXPECT_NEAR(lifetime[0].item<double>(), (1.0 - 2.0 / 8.0) / (1.0 - 1.0 / 8.0), 1e-12);
  EXPECT_NEAR(lifetime[1].item<double>(), 0.0, 1e-12);
  EXPECT_NEAR(lifetime[2].item<double>(), 1.0, 1e-12);
  EXPECT_EQ(lifetime[3].item<double>(), 1.0);  // silent
  const auto population = sparsity(activity, SparsityKind::population);
  ASSERT_EQ(population.sizes(), at::IntArrayRef({8}));
  EXPECT_NEAR(population[7].item<double>(), 1.0, 1e-12);  // one of five
  const double sum = 3.7, squares = 9.0 + 0.49;
  EXPECT_NEAR(population[0].item<double>(), (1.0 - sum * sum / squares / 5.0) / 0.8, 1e-6);
}

TEST(InferenceScores, RefuseWhatDoesNotFit) {
  const auto three = at::zeros({2, 3}), four = at::zeros({2, 4});
  EXPECT_THROW(patch_r2(three, four), UsageError);
  EXPECT_THROW(mean_r2(three, {}), UsageError);
  EXPECT_THROW(summed_squared_error(at::zeros({0, 3}), at::zeros({0, 3})), UsageError);
  EXPECT_THROW(share_of_zeros(at::zeros({2}, at::kInt)), UsageError);
  EXPECT_THROW(sparsity(at::zeros({1, 4}), SparsityKind::lifetime), UsageError);
  EXPECT_NO_THROW(sparsity(at::zeros({1, 4}), SparsityKind::population));
  EXPECT_THROW(convergence_step({}, {.tolerance = 0.0}), UsageError);
  EXPECT_THROW(convergence_step({}, {.window = 1}), UsageError);
  EXPECT_THROW(convergence_step({}, {.calm = 0}), UsageError);
}

// A straight rise, then level from step `bend` on: its slopes are known.
TEST(ConvergenceStep, OfARampThatEnds) {
  constexpr double kRise = 0.01;
  constexpr std::size_t kBend = 50;
  std::vector<double> curve(200);
  for (std::size_t i = 0; i < curve.size(); ++i)
    curve[i] = kRise * static_cast<double>(std::min(i, kBend));
  // The window that starts at the bend is level; the one before it has its first value lower.
  EXPECT_EQ(convergence_step(curve, {.tolerance = 1e-9}), 70);
  // On the ramp |slope| / 20 is 5e-4 in every window.
  EXPECT_EQ(convergence_step(curve, {.tolerance = 5.1e-4}), 20);
  EXPECT_GT(convergence_step(curve, {.tolerance = 4.9e-4}), 50);
  for (double& value : curve) value = -value;
  EXPECT_EQ(convergence_step(curve, {.tolerance = 1e-9}), 70);
  // Windows must be calm in a row: 24 values hold five windows, 23 do not.
  const std::vector<double> level(24, 0.5);
  EXPECT_EQ(convergence_step(level), 20);
  EXPECT_EQ(convergence_step(std::span(level).first(23)), std::nullopt);
  EXPECT_EQ(convergence_step({}), std::nullopt);
}

TEST(ConvergenceStep, IsThePublishedOneOnThePublishedCurves) {
  const auto folder = testing::shared_folder("reference/fixtures");
  if (!folder) GTEST_SKIP() << "needs S2_convergence.csv in ../shared/reference/fixtures";
  std::ifstream file(*folder / "S2_convergence.csv");
  std::map<std::string, std::vector<double>> curves;
  std::string line, name, field;
  std::getline(file, line);
  ASSERT_EQ(line.substr(0, 31), "str_model,beta_outer,time,r2,%-");
  while (std::getline(file, line)) {
    std::istringstream fields(line);
    std::getline(fields, name, ',');
    std::getline(fields, field, ',');
    std::getline(fields, field, ',');
    std::getline(fields, field, ',');
    curves[name].push_back(std::stod(field));
  }
  const auto expect = [&](const char* model, std::int64_t fine, std::int64_t coarse) {
    ASSERT_EQ(curves[model].size(), 1000U) << model;
    EXPECT_EQ(convergence_step(curves[model], {.tolerance = 1e-5}), fine) << model;
    EXPECT_EQ(convergence_step(curves[model], {.tolerance = 1e-4}), coarse) << model;
  };
  expect("poisson", 106, 44);
  expect("gaussian+relu", 79, 33);
  expect("gaussian", 53, 30);
}

}  // namespace
}  // namespace neurosplat
