#include "systems/patch_flow/patch_flow_update.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <cmath>

#include "neurosplat/core/error.h"
#include "neurosplat/metrics/picture_quality.h"
#include "neurosplat/training/flow_matching.h"

namespace neurosplat {
namespace {

PatchFlowConfig tiny() {
  PatchFlowConfig config;
  config.image_size = 16;
  config.width = 64;
  config.depth = 1;
  config.batch = 8;
  config.lr = 3e-3;
  config.lr_warmup = 20;
  config.average = 0.98;
  return config;
}

/// Smooth pictures that differ: blobs of two colours.
at::Tensor blobs(std::int64_t count, std::int64_t side) {
  const auto generator = at::detail::createCPUGenerator(6);
  const auto along = (at::arange(side, at::kFloat) + 0.5) / static_cast<double>(side);
  auto pictures = at::full({count, 3, side, side}, 0.5, at::kFloat);
  for (std::int64_t i = 0; i < 2 * count; ++i) {
    const auto drawn = at::rand({5}, generator, at::kFloat);
    const auto slope = [&](std::int64_t k) { return at::exp(-(along - drawn[k]).square() / 0.05); };
    pictures[i / 2] +=
        (drawn.narrow(0, 2, 3).view({3, 1, 1}) - 0.5) * at::outer(slope(0), slope(1));
  }
  return pictures.clamp(0, 1);
}

at::Tensor sampled(const PatchFlow& model, std::int64_t count) {
  const auto size = model.architecture().image_size;
  const auto noise =
      at::randn({count, 3, size, size}, at::detail::createCPUGenerator(9), at::kFloat);
  return unit_of(follow_flow(
      [&](const at::Tensor& z, const at::Tensor& times) { return model.clean(z, times); }, noise,
      {.steps = 16}));
}

// What is learned by heart is drawn again: every sample is one of eight pictures.
TEST(PatchFlowUpdate, OverfitsEightPicturesPastThirtyDecibels) {
  constexpr std::int64_t kSteps = 450;
  PatchFlowUpdate update(tiny(), at::kCPU, kSteps);
  const auto pictures = blobs(8, 16);
  StageClock clock;
  for (std::int64_t step = 0; step < kSteps; ++step) update.step(pictures, clock);
  double sum = 0;
  for (const auto& sample : sampled(update.best_model(), 8).unbind()) {
    sum += psnr_db(pictures, sample.expand_as(pictures)).max().item<double>();
  }
  EXPECT_GT(sum / 8, 30);
}

TEST(PatchFlowUpdate, DrawsTimesAsSaid) {
  constexpr std::int64_t kCount = 100000;
  const auto uniform = draw_times("uniform", kCount, at::detail::createCPUGenerator(1));
  const auto logit = draw_times("logit-normal", kCount, at::detail::createCPUGenerator(1)).logit();
  // Five standard errors, seed 1.
  EXPECT_NEAR(uniform.mean().item<double>(), 0.5, 5 * 0.289 / std::sqrt(kCount));
  EXPECT_NEAR(uniform.var().item<double>(), 1.0 / 12, 5 * 0.0745 / std::sqrt(kCount));
  EXPECT_NEAR(logit.mean().item<double>(), -0.8, 5 * 0.8 / std::sqrt(kCount));
  EXPECT_NEAR(logit.std().item<double>(), 0.8, 5 * 0.8 / std::sqrt(2.0 * kCount));
}

TEST(PatchFlowUpdate, WeighsErrorsByTime) {
  const auto times = at::tensor({0.0, 0.5, 0.99});
  EXPECT_TRUE(error_weights("x", times).equal(at::ones({3}, at::kDouble)));
  EXPECT_TRUE(at::allclose(error_weights("root-v", times), at::tensor({1.0, 2.0, 10.0})));
  EXPECT_TRUE(at::allclose(error_weights("v", times), at::tensor({1.0, 4.0, 400.0})));
}

TEST(PatchFlowUpdate, GoesOnWhereItWasSaved) {
  const auto config = tiny();
  PatchFlowUpdate one(config, at::kCPU, 10), other(config, at::kCPU, 10);
  const auto pictures = blobs(8, 16);
  StageClock clock;
  one.step(pictures, clock);
  TensorFile state;
  one.save(state);
  other.load(state);
  const auto a = one.step(pictures, clock), b = other.step(pictures, clock);
  EXPECT_EQ(figure(a, "mse"), figure(b, "mse"));
  for (const auto& [name, weight] : one.best_model().state()) {
    EXPECT_TRUE(weight.equal(other.best_model().state().at(name))) << name;
  }
}

}  // namespace
}  // namespace neurosplat
