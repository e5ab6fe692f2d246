#include "neurosplat/training/flow_matching.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "neurosplat/core/error.h"

namespace neurosplat {
namespace {

at::Tensor noise(std::int64_t count) {
  return at::randn({count, 3, 2, 2}, at::detail::createCPUGenerator(2), at::kDouble);
}

TEST(FlowMatching, LandsOnWhatAnOracleForetells) {
  const auto x = noise(4) * 3;
  for (const bool heun : {false, true}) {
    for (const double shift : {0.5, 1.0, 3.0}) {
      const auto end = follow_flow([&](const at::Tensor&, const at::Tensor&) { return x; },
                                   noise(4).flip(0), {.steps = 7, .shift = shift, .heun = heun});
      EXPECT_TRUE(end.equal(x));
    }
  }
}

// Straight paths to a fixed x are followed exactly at every step, not only at the last.
TEST(FlowMatching, StaysOnTheLineToAnOraclesPicture) {
  const auto x = noise(2) + 5, start = noise(2);
  const FlowSteps steps{.steps = 9, .shift = 2};
  follow_flow([&](const at::Tensor&, const at::Tensor&) { return x; }, start, steps,
              [&](std::int64_t step, const at::Tensor& z, const at::Tensor&) {
                const auto times = at::full({2}, time_of_step(steps, step + 1), at::kDouble);
                EXPECT_LT((z - noisy_at(x, start, times)).abs().max().item<double>(), 1e-12);
              });
}

// Of pictures N(0, v) the best prediction is t v z / (t^2 v + (1 - t)^2), and the flow takes a
// noise n to sqrt(v) n. Euler's error falls with the steps, Heun's with their square.
double distance_to_gaussian(const FlowSteps& steps) {
  constexpr double kVariance = 4;
  const auto predict = [&](const at::Tensor& z, const at::Tensor& times) {
    const auto t = times.view({-1, 1, 1, 1});
    return t * kVariance * z / (t.square() * kVariance + (1 - t).square());
  };
  return (follow_flow(predict, noise(8), steps) - std::sqrt(kVariance) * noise(8))
             .norm()
             .item<double>() /
         (std::sqrt(kVariance) * noise(8).norm().item<double>());
}

TEST(FlowMatching, ConvergesToTheGaussianFlowByItsOrder) {
  for (const bool heun : {false, true}) {
    const double coarse = distance_to_gaussian({.steps = 64, .heun = heun});
    const double fine = distance_to_gaussian({.steps = 128, .heun = heun});
    EXPECT_LT(fine, heun ? 2e-4 : 2e-2);
    EXPECT_NEAR(std::log2(coarse / fine), heun ? 2 : 1, heun ? 0.4 : 0.15) << coarse << " " << fine;
  }
}

TEST(FlowMatching, AsksForOnePredictionAStepAndTwoOfHeun) {
  const auto count = [](const FlowSteps& steps) {
    std::vector<double> times;
    follow_flow(
        [&](const at::Tensor& z, const at::Tensor& t) {
          times.push_back(t[0].item<double>());
          return z;
        },
        noise(1), steps);
    return times;
  };
  EXPECT_EQ(count({.steps = 4}), (std::vector<double>{0, 0.25, 0.5, 0.75}));
  EXPECT_EQ(count({.steps = 4, .first = 2}), (std::vector<double>{0.5, 0.75}));
  EXPECT_EQ(count({.steps = 2, .heun = true}), (std::vector<double>{0, 0.5, 0.5}));
  EXPECT_DOUBLE_EQ(time_of_step({.steps = 4, .shift = 3}, 2), 0.75);
}

TEST(FlowMatching, RefusesStepsThatAreNone) {
  const auto z = noise(1);
  const auto predict = [&](const at::Tensor&, const at::Tensor&) { return z; };
  EXPECT_THROW(follow_flow(predict, z, {.steps = 0}), UsageError);
  EXPECT_THROW(follow_flow(predict, z, {.steps = 4, .first = 4}), UsageError);
  EXPECT_THROW(follow_flow(predict, z, {.shift = 0}), UsageError);
}

}  // namespace
}  // namespace neurosplat
