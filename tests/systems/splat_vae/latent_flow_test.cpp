#include "neurosplat/systems/splat_vae/latent_flow.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <cmath>

#include "neurosplat/core/error.h"
#include "neurosplat/training/optimiser.h"

namespace neurosplat {
namespace {

at::Tensor noise(std::int64_t count, std::int64_t latent, std::uint64_t seed) {
  return at::randn({count, latent}, at::detail::createCPUGenerator(seed), at::kFloat);
}

/// Spread 2 along (1, 1)/sqrt(2), 1/2 across, about (3, -1).
LatentPrior slanted_prior() {
  const auto mixing = at::tensor({2.0f, 0.5f, 2.0f, -0.5f}).view({2, 2}) / std::sqrt(2.0);
  return {at::tensor({3.0f, -1.0f}), mixing};
}

TEST(LatentPrior, WhiteningIsTheInverseOfDrawing) {
  const auto drawn = noise(20, 2, 1);
  const auto back = whitened(slanted_prior(), with_prior(slanted_prior(), drawn));
  EXPECT_LT((back - drawn).abs().max().item<double>(), 1e-5);
}

TEST(LatentPrior, WhitenedLatentsAreZeroWhereThereIsNoSpread) {
  auto flat = slanted_prior();
  flat.factor.select(1, 1).zero_();
  const auto white = whitened(flat, at::tensor({5.0f, 7.0f}).view({1, 2}));
  EXPECT_NEAR(white[0][0].item<double>(), 10 / std::sqrt(2.0) / 2, 1e-5);
  EXPECT_EQ(white[0][1].item<double>(), 0);
}

// The flow of N(0, I) moves nothing: Heun's error in 64 steps is below 1e-3.
TEST(LatentFlow, LeadsToTheGaussianBeforeItHasLearned) {
  const LatentFlow flow({.latent = 2, .width = 8, .depth = 1});
  const auto start = noise(30, 2, 2);
  const auto found = with_flow(flow, slanted_prior(), start, {.steps = 64, .heun = true});
  const auto expected = with_prior(slanted_prior(), start);
  EXPECT_LT((found - expected).abs().max().item<double>(), 5e-3);
}

// E[y | z] of N(0, I) errs by (1 - t)^2 / (t^2 + (1 - t)^2). 40,000 squares of deviation sqrt(2)
// are off by 4.9 standard errors, .035, with probability 1e-6.
TEST(LatentFlow, KnowsTheGaussiansErrorBeforeItHasLearned) {
  const LatentFlow flow({.latent = 4, .width = 8, .depth = 1});
  for (const double time : {0.0, 0.3, 0.9}) {
    const auto times = at::full({10000}, time, at::kFloat);
    const auto errors = flow.relative_error(noise(10000, 4, 3), noise(10000, 4, 4), times);
    EXPECT_NEAR(errors.mean().item<double>(), 1, 0.035) << time;
  }
}

/// Two clusters at +-1 of the first number, .1 wide, the second N(0, 1): white, and no Gaussian.
at::Tensor two_clusters(std::int64_t count, const at::Generator& generator) {
  auto latents = at::randn({count, 2}, generator, at::kFloat);
  const auto side = 2 * at::randint(0, 2, {count}, generator, at::kFloat) - 1;
  latents.select(1, 0).mul_(0.1).add_(side);
  return latents;
}

TEST(LatentFlow, LearnsWhatTheGaussianMisses) {
  const LatentFlow flow({.latent = 2, .width = 32, .depth = 2}, 1);
  Optimiser optimiser(flow.state(), {.kind = OptimiserKind::adamw, .lr = 3e-3});
  const auto generator = at::detail::createCPUGenerator(5);
  for (int step = 0; step < 400; ++step) {
    const auto latents = two_clusters(256, generator);
    const auto times = at::rand({256}, generator, at::kFloat);
    optimiser.backward_and_step(
        flow.relative_error(latents, at::randn({256, 2}, generator, at::kFloat), times).mean());
  }
  const LatentPrior white{at::zeros({2}), at::eye(2)};
  const auto near = [](const at::Tensor& latents) {
    const auto distance = (latents.select(1, 0).abs() - 1).abs();
    return distance.lt(0.3).to(at::kDouble).mean().item<double>();
  };
  const auto start = noise(1000, 2, 6);
  EXPECT_LT(near(with_prior(white, start)), 0.35);
  const auto drawn = with_flow(flow, white, start);
  EXPECT_GT(near(drawn), 0.9);
  const auto right = drawn.select(1, 0).gt(0).to(at::kDouble).mean().item<double>();
  EXPECT_NEAR(right, 0.5, 0.1);
  EXPECT_NEAR(drawn.select(1, 1).std().item<double>(), 1, 0.15);
}

TEST(LatentFlow, IsFoundAgainInAFile) {
  const LatentFlow flow({.latent = 3, .width = 8, .depth = 2}, 7);
  std::map<std::string, at::Tensor> tensors = {{"other", at::zeros({1})}};
  EXPECT_FALSE(flow_of(tensors, 3).has_value());
  for (auto& [name, tensor] : flow.state()) {
    const at::NoGradGuard no_gradient;
    tensor.normal_(0, 0.2, at::detail::createCPUGenerator(8));
  }
  add_flow(flow, tensors);
  const auto found = flow_of(tensors, 3);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->sizes(), flow.sizes());
  const auto z = noise(5, 3, 9), times = at::linspace(0, 0.9, 5, at::kFloat);
  EXPECT_TRUE(found->clean(z, times).equal(flow.clean(z, times)));
}

TEST(LatentFlow, RefusesTensorsThatDoNotFit) {
  const LatentFlow flow({.latent = 3, .width = 8, .depth = 1});
  const auto with = [&](const std::string& name, const at::Tensor& tensor) {
    std::map<std::string, at::Tensor> tensors;
    add_flow(flow, tensors);
    tensors["flow." + name] = tensor;
    return flow_of(tensors, 3);
  };
  EXPECT_TRUE(with("out.bias", at::zeros({3})).has_value());
  EXPECT_THROW(with("in.weight", at::zeros({8, 4})), Error);
  EXPECT_THROW(with("in.weight", at::zeros({3})), Error);
  EXPECT_THROW(with("out.bias", at::zeros({4})), Error);
  EXPECT_THROW(with("out.bias", at::full({3}, NAN)), Error);
  EXPECT_THROW(with("stray", at::zeros({1})), Error);
  EXPECT_THROW(with("blocks.7.up.weight", at::zeros({32, 8})), Error);
  EXPECT_THROW(flow_of({{"flow.out.bias", at::zeros({3})}}, 3), Error);
  EXPECT_THROW(LatentFlow({.latent = 3, .width = 0}), UsageError);
}

}  // namespace
}  // namespace neurosplat
