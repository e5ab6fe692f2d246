#include "neurosplat/recordings/response_scores.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "neurosplat/core/error.h"
#include "neurosplat/recordings/folds.h"
#include "neurosplat/recordings/gabor_bank.h"

namespace neurosplat::testing {
namespace {

TEST(MeanResponses, LeaveMissingRepeatsOut) {
  const auto counts = at::tensor(std::vector<int>{1, 3, -1, 2, 2, 8, 5, -1, -1, 0, 0, 3}, at::kChar)
                          .view({2, 2, 3});
  const auto found = mean_responses(counts);
  EXPECT_TRUE(found.mean.equal(at::tensor(std::vector<double>{2, 4, 5, 1}).view({2, 2})));
  EXPECT_TRUE(found.repeats.equal(at::tensor(std::vector<std::int64_t>{2, 3, 1, 3}).view({2, 2})));
  // Variances 2, 12 and 3 of the repeats, over their number; one alone has none.
  EXPECT_TRUE(found.noise.equal(at::tensor(std::vector<double>{1, 4, 0, 1}).view({2, 2})));
  EXPECT_THROW(mean_responses(at::full({1, 1, 2}, -1, at::kChar)), Error);
}

/// Poisson counts whose rates are known: the signal's power is the variance of the rates, and who
/// knows the rates explains all of it. Bounds: five standard errors, from 200 such units.
TEST(ResponseScores, PowerIsThatOfTheRates) {
  const auto generator = at::detail::createCPUGenerator(5);
  const std::int64_t pictures = 200, units = 200, repeats = 10;
  const auto rates = 4 + 2 * at::rand({pictures, units}, generator).to(at::kDouble);
  const auto counts =
      at::poisson(rates.unsqueeze(2).expand({pictures, units, repeats}).contiguous(), generator)
          .to(at::kChar);
  const auto responses = mean_responses(counts);
  const auto scores = score_responses(rates, responses);
  const auto expected = (rates - rates.mean(0)).square().mean(0);
  const auto difference = scores.power - expected;
  EXPECT_LT(std::abs(difference.mean().item<double>()),
            5 * difference.std().item<double>() / std::sqrt(units));
  EXPECT_NEAR(scores.normalised.mean().item<double>(), 1,
              5 * scores.normalised.std().item<double>() / std::sqrt(units));
  // The means' own noise is never explained.
  EXPECT_LT(scores.explained.mean().item<double>(), 0.6);
}

TEST(ResponseScores, OfTheMeanAndOfTheTruth) {
  const auto counts = at::tensor(std::vector<int>{1, 1, 5, 5, 3, 3}, at::kChar).view({3, 1, 2});
  const auto responses = mean_responses(counts);
  const auto of_mean = score_responses(at::full({3, 1}, 3.0), responses);
  EXPECT_EQ(of_mean.correlation.item<double>(), 0);
  EXPECT_EQ(of_mean.explained.item<double>(), 0);
  EXPECT_EQ(of_mean.normalised.item<double>(), 0);
  const auto of_truth = score_responses(responses.mean, responses);
  EXPECT_NEAR(of_truth.correlation.item<double>(), 1, 1e-12);
  EXPECT_NEAR(of_truth.normalised.item<double>(), 1, 1e-12);
  EXPECT_NEAR(of_truth.power.item<double>(), 8.0 / 3, 1e-12);
}

TEST(Folds, AreWholeAndEqual) {
  for (const std::int64_t count : {5, 10, 13, 120}) {
    std::vector<std::int64_t> sizes(kFolds);
    for (const auto fold : folds_of(count, 3)) ++sizes.at(static_cast<std::size_t>(fold));
    for (const auto size : sizes) EXPECT_LE(std::abs(size - count / kFolds), 1) << count;
  }
  EXPECT_EQ(folds_of(20, 3), folds_of(20, 3));
  EXPECT_NE(folds_of(20, 3), folds_of(20, 4));
  EXPECT_THROW(folds_of(4, 0), Error);
}

/// A grating's energy is largest in filters of its own frequency and orientation, whatever its
/// phase.
TEST(GaborBank, TellsOrientationsAndFrequencies) {
  const GaborBank bank;
  ASSERT_EQ(bank.size(), 6 * (9 + 36 + 144 + 144));
  const auto p = (at::arange(64, at::kFloat) + 0.5) / 64;
  const auto grating = [&](double frequency, double phase) {
    const auto wave = 127.5 + 100 * (2 * M_PI * frequency * p + phase).cos();
    return wave.to(at::kByte).expand({1, 3, 64, 64}).contiguous();  // along x: orientation 0
  };
  const auto energies = bank.energies(grating(8, 0.3))[0];
  // Filters of 8 cycles begin after those of 2 and 4.
  const std::int64_t first = 6 * (9 + 36);
  const auto by_orientation = energies.narrow(0, first, 6 * 144).view({6, 144}).mean(1);
  EXPECT_EQ(by_orientation.argmax().item<int>(), 0);
  EXPECT_GT(by_orientation[0].item<double>(), 10 * by_orientation[3].item<double>());
  EXPECT_GT(by_orientation[0].item<double>(),
            3 * energies.narrow(0, 0, 6 * 9).mean().item<double>());
  const auto later = bank.energies(grating(8, 0.3 + M_PI / 2))[0];
  EXPECT_NEAR(later.narrow(0, first, 144).mean().item<double>() / by_orientation[0].item<double>(),
              1, 0.02);
  EXPECT_TRUE(bank.energies(at::full({1, 3, 32, 32}, 90, at::kByte)).abs().max().item<double>() <
              1e-3);
}

}  // namespace
}  // namespace neurosplat::testing
