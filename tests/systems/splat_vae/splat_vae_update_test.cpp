#include "systems/splat_vae/splat_vae_update.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <cmath>

#include "neurosplat/metrics/picture_quality.h"

namespace neurosplat {
namespace {

SplatVaeConfig small_config() {
  SplatVaeConfig config;
  config.image_size = 16;
  config.num_packets = 9;
  config.latent = 6;
  config.lr = 1e-3;
  return config;
}

at::Tensor pictures() {
  return at::rand({8, 3, 16, 16}, at::detail::createCPUGenerator(3), at::kFloat);
}

void step(SplatVaeUpdate& update) {
  StageClock clock;
  update.set_learning_rate(1e-3);
  update.model().train(true);
  update.step(pictures(), 1e-3, clock);
}

at::Tensor weight_of(const SplatVae& model) {
  return model.state().at("dec.net.2.weight").detach().clone();
}

// The measure that evaluation prints, whose pictures it weighs alike.
TEST(SplatVaeUpdate, PsnrOfTheLossIsThatOfTheMetrics) {
  const auto drawn = pictures();
  const auto seen = at::rand({8, 3, 16, 16}, at::detail::createCPUGenerator(4), at::kFloat);
  auto nearer = seen.clone();
  nearer[0].mul_(0.5).add_(drawn[0] * 0.5);
  const auto measured = psnr_db(nearer, drawn).mean().item<double>();
  EXPECT_NEAR(mean_psnr_db(nearer, drawn).item<double>(), measured, 1e-3);
  const auto variable = nearer.clone().requires_grad_();
  (-mean_psnr_db(variable, drawn)).backward();
  // d(-PSNR)/dx = 20 / ln 10 * (x - y) / (B * sum of squares).
  const auto difference = nearer - drawn;
  const auto expected =
      difference * (20 / std::log(10.0) / 8) / difference.square().sum({1, 2, 3}, true);
  EXPECT_TRUE(at::allclose(variable.grad(), expected, 1e-3, 1e-6));
}

TEST(SplatVaeUpdate, EachLossIsTheOneThatIsNamed) {
  auto config = small_config();
  SplatVaeUpdate plain(config, at::kCPU);
  config.loss = "psnr";
  SplatVaeUpdate by_psnr(config, at::kCPU);
  step(plain);
  step(by_psnr);
  EXPECT_FALSE(at::equal(weight_of(plain.model()), weight_of(by_psnr.model())));
}

// The first step copies, then decay * average + (1 - decay) * weights.
TEST(SplatVaeUpdate, BestModelHasTheAveragedWeights) {
  auto config = small_config();
  config.average = 0.75;
  SplatVaeUpdate update(config, at::kCPU);
  step(update);
  auto expected = weight_of(update.model());
  for (int more = 0; more < 3; ++more) {
    step(update);
    expected = 0.75 * expected + 0.25 * weight_of(update.model());
  }
  EXPECT_TRUE(at::allclose(weight_of(update.best_model()), expected, 1e-5, 1e-7));
  EXPECT_FALSE(at::allclose(weight_of(update.model()), expected, 1e-5, 1e-7));
  const auto now = update.model().state(), best = update.best_model().state();
  EXPECT_TRUE(at::equal(now.at("enc.conv.1.running_mean"), best.at("enc.conv.1.running_mean")));
}

// Adam's first steps are as long as the rate, whatever the gradient.
TEST(SplatVaeUpdate, WarmUpBeginsWithItsShareOfTheRate) {
  auto config = small_config();
  config.lr_warmup = 10;
  SplatVaeUpdate update(config, at::kCPU);
  for (const double share : {0.1, 0.2}) {
    const auto before = weight_of(update.model());
    step(update);
    const auto moved = (weight_of(update.model()) - before).abs().max().item<double>();
    EXPECT_NEAR(moved, share * 1e-3, 0.02 * share * 1e-3);
  }
}

}  // namespace
}  // namespace neurosplat
