#include "neurosplat/systems/iterative_vae/prior_samples.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "neurosplat/core/error.h"
#include "systems/iterative_vae/planted_gabors.h"

namespace neurosplat {
namespace {

// Counts of rates 2 and 0.5: means and variances of pixels are linear in them. 20,000 pictures,
// seed 5; five standard errors, of the variance with the fourth moment of counts.
TEST(PriorSamples, HaveTheMomentsOfThePrior) {
  constexpr std::int64_t kCount = 20'000;
  const auto columns = at::tensor({1.0F, 0.0F, 0.0F, 2.0F, 1.0F, 1.0F, 0.0F, -1.0F}).view({4, 2});
  const auto model =
      testing::planted(columns, {{"prior.log_rate", at::tensor({std::log(2.0F), std::log(0.5F)})}});
  const auto pictures = prior_samples(model, kCount, 5).to(at::kDouble);
  ASSERT_EQ(pictures.sizes(), at::IntArrayRef({kCount, 4}));
  const double means[] = {2.0, 1.0, 2.5, -0.5}, variances[] = {2.0, 2.0, 2.5, 0.5};
  for (std::int64_t pixel = 0; pixel < 4; ++pixel) {
    const auto values = pictures.select(1, pixel);
    const double variance = variances[pixel];
    EXPECT_NEAR(values.mean().item<double>(), means[pixel], 5.0 * std::sqrt(variance / kCount));
    // Fourth central moments of counts are rate + 3 rate^2; the weight 2 is the largest.
    EXPECT_NEAR(values.var().item<double>(), variance,
                5.0 * std::sqrt((4.0 * variance + 2.0 * variance * variance) / kCount));
  }
  EXPECT_TRUE(prior_samples(model, 30, 5).equal(prior_samples(model, 30, 5)));
  EXPECT_FALSE(prior_samples(model, 30, 5).equal(prior_samples(model, 30, 6)));
}

// With hardly any spread the means are decoded, through the activation and its gain.
TEST(PriorSamples, OfARectifiedGaussianAreItsMeans) {
  const IterativeVae model({.model = "gaussian", .activation = "relu", .pixels = 4, .latents = 2});
  auto state = model.state();
  state["decoder.weight"] =
      at::tensor({1.0F, 0.0F, 0.0F, 1.0F, 1.0F, 1.0F, 2.0F, 0.0F}).view({4, 2});
  state["prior.mean"] = at::tensor({1.5F, -1.0F});
  state["prior.log_sigma"] = at::full({2}, -12.0, at::kFloat);
  state["log_gain"] = at::tensor({std::log(2.0F), 0.0F});
  model.load_state(state);
  const auto pictures = prior_samples(model, 3, 0);
  EXPECT_TRUE(pictures.allclose(at::tensor({3.0F, 0.0F, 3.0F, 6.0F}).expand({3, 4}), 0, 1e-3));
}

TEST(PriorSamples, AreLimited) {
  const IterativeVae model({.pixels = 65536, .latents = 1});
  EXPECT_THROW(prior_samples(model, 0, 0), UsageError);
  EXPECT_THROW(prior_samples(model, 257, 0), UsageError);
  EXPECT_EQ(prior_samples(IterativeVae({.decoder = "conv", .latents = 4}), 2, 0).size(1), 256);
}

}  // namespace
}  // namespace neurosplat
