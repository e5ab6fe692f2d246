#include "neurosplat/systems/iterative_vae/linear_readout.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "neurosplat/core/error.h"
#include "neurosplat/io/safetensors.h"
#include "support/command.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

/// Three overlapping classes in five features of various sizes, and a sixth that never changes.
struct Samples {
  at::Tensor features, labels;

  explicit Samples(std::uint64_t seed) {
    auto generator = at::detail::createCPUGenerator(seed);
    labels = at::randint(0, 3, {400}, generator, at::kLong);
    const auto centres = at::randn({3, 5}, generator, at::kFloat);
    const auto noise = at::randn({400, 5}, generator, at::kFloat);
    const auto size = at::tensor({1.0F, 100.0F, 0.01F, 3.0F, 1.0F});
    features = at::cat(
        {(centres.index_select(0, labels) + noise) * size + 7.0F, at::full({400, 1}, 0.1F)}, 1);
  }
};

/// The objective as it is described, summed over samples, from standardised features.
double objective(const Samples& samples, const at::Tensor& weights, const at::Tensor& bias,
                 double penalty) {
  const auto exact = samples.features.to(at::kDouble).narrow(1, 0, 5);
  const auto inputs = (exact - exact.mean(0)) / exact.std(0, false);
  const auto scores = at::mm(inputs, weights.narrow(1, 0, 5).t()) + bias;
  const auto right = scores.gather(1, samples.labels.unsqueeze(1)).squeeze(1);
  return (scores.logsumexp(1) - right).sum().item<double>() +
         0.5 * penalty * weights.square().sum().item<double>();
}

TEST(LinearReadout, IsStationaryByDifferencesOfTheObjective) {
  const Samples samples(1);
  constexpr double kPenalty = 2.5;
  const auto readout =
      fit_linear_readout(samples.features, samples.labels, 3, {.penalty = kPenalty});
  EXPECT_LT(readout.largest_derivative, 1e-8);
  EXPECT_EQ(readout.weights.select(1, 5).abs().max().item<double>(), 0.0);
  const auto at_weights = [&](std::int64_t c, std::int64_t k, double change) {
    auto moved = readout.weights.clone();
    moved[c][k] += change;
    return objective(samples, moved, readout.bias, kPenalty);
  };
  constexpr double kStep = 1e-4;
  const double least = at_weights(0, 0, 0.0);
  for (std::int64_t c = 0; c < 3; ++c) {
    for (std::int64_t k = 0; k < 5; ++k) {
      const double up = at_weights(c, k, kStep), down = at_weights(c, k, -kStep);
      EXPECT_NEAR((up - down) / (2 * kStep), 0.0, 1e-5);
      EXPECT_GT(up, least);  // convex: stationary is least
      EXPECT_GT(down, least);
    }
    auto bias = readout.bias.clone();
    bias[c] += kStep;
    const double up = objective(samples, readout.weights, bias, kPenalty);
    bias[c] -= 2 * kStep;
    EXPECT_NEAR((up - objective(samples, readout.weights, bias, kPenalty)) / (2 * kStep), 0.0,
                1e-5);
  }
}

// A feature of +-1 that tells the class in 3 of 4 samples: the weights are +-w with
// 2 N (sigma(2 w) - 3/4) + 2 penalty w = 0, found here by bisection.
TEST(LinearReadout, OfOneCoinHasTheWeightOfItsEquation) {
  constexpr std::int64_t kSamples = 40;
  constexpr double kPenalty = 3.0;
  auto features = at::ones({kSamples, 1});
  auto labels = at::ones({kSamples}, at::kLong);
  for (std::int64_t i = 0; i < kSamples; ++i) {
    if (i % 2 == 0) features[i][0] = -1.0;
    labels[i] = (i % 2 == 1) != (i % 8 < 2) ? 1 : 0;
  }
  double low = 0.0, high = 5.0;
  while (high - low > 1e-13) {
    const double w = 0.5 * (low + high);
    const double slope = 2.0 * kSamples * (1.0 / (1.0 + std::exp(-2.0 * w)) - 0.75);
    (slope + 2.0 * kPenalty * w > 0 ? high : low) = w;
  }
  const auto readout = fit_linear_readout(features, labels, 2, {.penalty = kPenalty});
  EXPECT_NEAR(readout.weights[1][0].item<double>(), low, 1e-7);
  EXPECT_NEAR(readout.weights[0][0].item<double>(), -low, 1e-7);
  EXPECT_NEAR(readout.bias.abs().max().item<double>(), 0.0, 1e-7);
  EXPECT_DOUBLE_EQ(accuracy(readout, features, labels), 0.75);
  EXPECT_DOUBLE_EQ(accuracy(readout, features, 1 - labels), 0.25);
}

// More samples than are worked on at once.
TEST(LinearReadout, SeparableClassesAreAllRight) {
  auto generator = at::detail::createCPUGenerator(2);
  const auto labels = at::randint(0, 4, {9000}, generator, at::kLong);
  const auto noise = at::rand({9000, 4}, generator, at::kFloat);
  const auto features = noise + 1.5 * at::one_hot(labels, 4).to(at::kFloat);
  const auto readout = fit_linear_readout(features, labels, 4, {.penalty = 1e-3});
  EXPECT_EQ(accuracy(readout, features, labels), 1.0);
}

TEST(LinearReadout, RefusesWhatDoesNotFit) {
  const Samples samples(1);
  const auto readout = fit_linear_readout(samples.features, samples.labels, 3);
  EXPECT_THROW(fit_linear_readout(samples.features, samples.labels, 2), UsageError);
  EXPECT_THROW(fit_linear_readout(samples.features, samples.labels, 1), UsageError);
  EXPECT_THROW(fit_linear_readout(samples.features, samples.labels - 1, 3), UsageError);
  EXPECT_THROW(fit_linear_readout(samples.features, samples.labels.narrow(0, 0, 9), 3), UsageError);
  EXPECT_THROW(fit_linear_readout(samples.features, samples.labels.to(at::kFloat), 3), UsageError);
  EXPECT_THROW(fit_linear_readout(samples.features * std::nan(""), samples.labels, 3), UsageError);
  EXPECT_THROW(fit_linear_readout(samples.features, samples.labels, 3, {.penalty = -1}),
               UsageError);
  EXPECT_THROW(logits(readout, samples.features.narrow(1, 0, 5)), UsageError);
}

TEST(LinearReadoutInPython, IsThatOfScikitLearn) {
  const auto python = testing::python_with("sklearn, safetensors");
  if (!python) GTEST_SKIP() << "needs scikit-learn in .venv, which setup.sh does not install";
  const Samples samples(3);
  const testing::TemporaryFolder folder;
  write_safetensors(folder / "samples.safetensors",
                    {{{"features", samples.features}, {"labels", samples.labels}}, {}});
  const auto script = testing::source_folder() / "tests/systems/iterative_vae/reference_readout.py";
  const auto run = testing::run_command({*python, script.string(), folder.path().string(), "0.7"});
  ASSERT_EQ(run.status, 0) << run.errors;
  const auto expected = read_safetensors(folder / "expected.safetensors").tensors;
  const auto readout = fit_linear_readout(samples.features, samples.labels, 3, {.penalty = 0.7});
  EXPECT_LT((readout.weights - expected.at("weights")).abs().max().item<double>(), 1e-4);
  // A constant added to all biases changes nothing.
  const auto bias = expected.at("bias");
  EXPECT_LT((readout.bias - readout.bias.mean() - bias + bias.mean()).abs().max().item<double>(),
            1e-4);
  const auto labels = logits(readout, samples.features).argmax(1);
  EXPECT_TRUE(labels.equal(expected.at("said")));
}

}  // namespace
}  // namespace neurosplat
