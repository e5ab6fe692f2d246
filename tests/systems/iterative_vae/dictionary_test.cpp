#include "neurosplat/systems/iterative_vae/dictionary.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>
#include <vector>

#include "neurosplat/core/error.h"
#include "systems/iterative_vae/planted_gabors.h"

namespace neurosplat {
namespace {

TEST(Dictionary, IsThatOfALinearDecoderOfSquares) {
  const auto columns = testing::columns_of({testing::striped_at(20.0)});
  EXPECT_TRUE(dictionary_of(testing::planted(columns)).equal(columns));
  EXPECT_FALSE(dictionary_of(testing::planted(columns)).requires_grad());
  EXPECT_EQ(patch_side(testing::planted(columns)), 16);
  EXPECT_THROW(dictionary_of(IterativeVae({.decoder = "mlp", .latents = 4})), UsageError);
  EXPECT_THROW(dictionary_of(IterativeVae({.pixels = 24, .latents = 4})), UsageError);
  EXPECT_THROW(expect_spikes(IterativeVae({.model = "gaussian", .latents = 4}), "this"),
               UsageError);
}

// Without a dictionary nothing drives the log-rates but the bias current e^b, which takes them
// down by e^b a step; the clamps are 10 away.
TEST(MeanFinalState, FallsByTheBiasCurrent) {
  constexpr std::int64_t kSteps = 6, kPatches = 300;  // of more than one batch
  const auto model = testing::planted(at::zeros({16, 3}, at::kFloat),
                                      {{"prior.log_rate", at::tensor({-2.0F, -1.0F, 0.5F})},
                                       {"log_bias", at::tensor({-3.0F, -1.0F, -2.0F})}});
  const auto values = mean_final_state(model, at::ones({kPatches, 16}, at::kFloat), kSteps, 1);
  ASSERT_EQ(values.sizes(), at::IntArrayRef({3}));
  EXPECT_NEAR(values[0].item<double>(), -2.0 - kSteps * std::exp(-3.0), 2e-3);
  EXPECT_NEAR(values[1].item<double>(), -1.0 - kSteps * std::exp(-1.0), 2e-3);
  EXPECT_NEAR(values[2].item<double>(), 0.5 - kSteps * std::exp(-2.0), 2e-3);
  EXPECT_THROW(mean_final_state(model, at::ones({0, 16}), 1, 0), UsageError);
  EXPECT_THROW(mean_final_state(model, at::ones({1, 16}), 0, 0), UsageError);
}

TEST(LargestFirst, KeepsTheOrderOfTiesAndPutsUnknownLast) {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  const auto places = largest_first(at::tensor({1.0, kNone, 3.0, 1.0, -2.0}, at::kDouble));
  EXPECT_TRUE(places.equal(at::tensor({2, 0, 3, 4, 1}, at::kLong)));
}

std::int64_t total(const std::vector<HistogramBin>& bins) {
  return std::accumulate(bins.begin(), bins.end(), std::int64_t{0},
                         [](std::int64_t sum, const HistogramBin& bin) { return sum + bin.count; });
}

TEST(GaborStatistics, CountsThoseThatFitWell) {
  const auto gabor = [](double degrees, double frequency, double aspect) {
    Gabor g;
    g.orientation = degrees / 180.0 * std::numbers::pi;
    g.frequency = frequency;
    g.across = 2.0;
    g.along = 2.0 * aspect;
    return g;
  };
  const auto statistics = gabor_statistics({{gabor(1.0, 0.01, 0.6), 0.9},
                                            {gabor(179.0, 0.12, 1.2), 0.85},
                                            {gabor(50.0, 0.9, 70.0), 0.99},
                                            {gabor(50.0, 0.2, 1.2), 0.8}});  // not above
  EXPECT_DOUBLE_EQ(statistics.share_good, 0.75);
  EXPECT_EQ(statistics.good, 3);
  EXPECT_EQ(total(statistics.orientation), 3);
  EXPECT_EQ(statistics.orientation.at(0).count, 1);
  EXPECT_EQ(statistics.orientation.at(2).count, 1);
  EXPECT_EQ(statistics.orientation.at(7).count, 1);
  EXPECT_EQ(statistics.frequency.at(0).count, 1);
  EXPECT_EQ(statistics.frequency.at(2).count, 1);
  EXPECT_EQ(statistics.frequency.back().count, 1);
  EXPECT_EQ(statistics.aspect.at(1).count, 1);
  EXPECT_EQ(statistics.aspect.at(2).count, 1);
  EXPECT_EQ(statistics.aspect.back().count, 1);
  EXPECT_DOUBLE_EQ(statistics.orientation.back().to, 180.0);
  EXPECT_EQ(gabor_statistics({}).good, 0);
}

TEST(SignedPictures, ScaleEachByItsLargestSize) {
  const auto pictures = signed_pictures(
      at::tensor({0.0F, 1.0F, -2.0F, 2.0F, 0.0F, 0.0F, 0.0F, 0.0F}).view({2, 4}), 2);
  ASSERT_EQ(pictures.sizes(), at::IntArrayRef({2, 3, 4, 4}));
  EXPECT_FLOAT_EQ(pictures[0][1][1][1].item<float>(), 0.5F);
  EXPECT_FLOAT_EQ(pictures[0][1][0][2].item<float>(), 0.75F);
  EXPECT_FLOAT_EQ(pictures[0][2][3][0].item<float>(), 0.0F);
  EXPECT_FLOAT_EQ(pictures[0][0][3][3].item<float>(), 1.0F);
  EXPECT_TRUE(pictures[1].eq(0.5).all().item<bool>());
}

}  // namespace
}  // namespace neurosplat
