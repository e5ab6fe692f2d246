#include "neurosplat/systems/iterative_vae/live_inference.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <cmath>

#include "neurosplat/core/error.h"
#include "neurosplat/io/image_file.h"
#include "neurosplat/metrics/gaussian_blur.h"
#include "systems/iterative_vae/planted_gabors.h"

namespace neurosplat {
namespace {

constexpr std::int64_t kPanel = 256, kLabel = 20, kGap = 4;

/// Neurons in pairs that light and darken a pixel, in small steps: it can draw anything.
IterativeVae painter(std::int64_t side) {
  const auto pixels = side * side;
  const auto up = 0.1 * at::eye(pixels, at::kFloat);
  return testing::planted(at::cat({up, -up}, 1),
                          {{"log_scale", at::full({pixels}, -0.7, at::kFloat)},
                           {"prior.log_rate", at::full({2 * pixels}, 0.0, at::kFloat)},
                           {"log_bias", at::full({2 * pixels}, -4.0, at::kFloat)}});
}

Frame scene() {
  const auto noise = at::rand({120, 160}, at::detail::createCPUGenerator(3), at::kDouble);
  const auto blurred = gaussian_blur(noise, 2.0);
  const auto level = (blurred - blurred.min()) / (blurred.max() - blurred.min());
  return {level.mul(255.0).round().to(at::kByte).unsqueeze(0).expand({3, -1, -1}).contiguous(),
          "scene"};
}

at::Tensor panel_of(const SeenFrame& seen, std::int64_t number) {
  return seen.panels.narrow(1, kLabel, kPanel).narrow(2, number * (kPanel + kGap), kPanel);
}

double correlation(const at::Tensor& a, const at::Tensor& b) {
  const auto x = a - a.mean(), y = b - b.mean();
  return ((x * y).sum() / (x.square().sum() * y.square().sum()).sqrt()).item<double>();
}

TEST(LiveInference, ComesToDrawWhatItSees) {
  LiveInference eye(painter(16), {.size = 64});
  SeenFrame first, last;
  for (int frame = 0; frame < 40; ++frame) {
    last = eye.see(scene());
    if (frame == 0) first = last;
  }
  ASSERT_EQ(first.panels.sizes(), at::IntArrayRef({3, kLabel + kPanel, 4 * kPanel + 3 * kGap}));
  ASSERT_EQ(last.numbers.size(), inference_columns().size());
  EXPECT_GT(last.numbers[0], first.numbers[0] + 0.2);
  EXPECT_GT(last.numbers[0], 0.7);
  // Patches are put back where they were cut out.
  EXPECT_GT(correlation(panel_of(last, 1), panel_of(last, 2)), 0.85);
  eye.reset();
  EXPECT_LT(eye.see(scene()).numbers[0], last.numbers[0] - 0.2);
}

// The panels show the centre square as it was whitened with its borders.
/// As many spikes as there are activities other than zero, each where and as large as it is.
TEST(LiveInference, SpikesAreTheActivityOfTheLastStep) {
  const auto model = painter(16);
  LiveInference eye(model, {.size = 32});
  const auto seen = eye.see(scene());
  const auto spikes = eye.spikes();
  const double all = 4.0 * 512;  // patches, neurons of each
  EXPECT_EQ(spikes.size(0), std::lround((1 - seen.numbers[1]) * all));
  ASSERT_GT(spikes.size(0), 100);
  EXPECT_EQ(spikes.size(1), static_cast<std::int64_t>(LiveInference::signal().channels.size()));
  EXPECT_TRUE(spikes.select(1, 2).ge(1).all().item<bool>());
  EXPECT_EQ(spikes.select(1, 0).max().item<double>(), 3);
  EXPECT_GT(spikes.select(1, 1).max().item<double>(), 256);
  EXPECT_LT(spikes.select(1, 1).max().item<double>(), 512);
}

TEST(LiveInference, WhitensAsPatchesAre) {
  LiveInference eye(painter(16), {.size = 128});
  const auto seen = eye.see(scene());
  const auto grey = grey_square(scene().picture, 128 + 8);
  const auto expected = (0.5 + whitened(grey) / 6.0).clamp(0.0, 1.0).to(at::kFloat);
  const auto shown = panel_of(seen, 1)[0].slice(0, 0, kPanel, 2).slice(1, 0, kPanel, 2);
  EXPECT_TRUE(shown.allclose(expected, 0, 0.003));
  const auto plain = panel_of(seen, 0)[0].slice(0, 0, kPanel, 2).slice(1, 0, kPanel, 2);
  EXPECT_TRUE(plain.allclose(grey.narrow(0, 4, 128).narrow(1, 4, 128).to(at::kFloat), 0, 0.003));
}

TEST(LiveInference, MovesItsRasterOnByAColumnAFrame) {
  LiveInference eye(painter(16), {.size = 64});
  const auto lit_columns = [](const SeenFrame& seen) {
    const auto raster = panel_of(seen, 3).sum(0).sum(0).view({-1, 2}).sum(1);
    return raster.gt(raster.min() + 1.0).sum().item<std::int64_t>();
  };
  for (std::int64_t frame = 1; frame <= 3; ++frame) EXPECT_EQ(lit_columns(eye.see(scene())), frame);
  eye.reset();
  EXPECT_EQ(lit_columns(eye.see(scene())), 1);
}

TEST(LiveInference, GoesOnWhereAFrameIsFlat) {
  LiveInference eye(painter(16), {.size = 64});
  const auto seen = eye.see({at::full({3, 90, 90}, 7, at::kByte), "dark"});
  EXPECT_TRUE(seen.numbers.empty());
  EXPECT_TRUE(seen.panels.isfinite().all().item<bool>());
  EXPECT_EQ(eye.see(scene()).numbers.size(), 3U);
}

TEST(LiveInference, RefusesWhatCannotBe) {
  const auto model = painter(8);
  const auto refused = [&](const LiveInferenceSettings& settings) {
    EXPECT_THROW(check(settings, model), UsageError);
  };
  check({.size = 72}, model);
  refused({.size = 100});
  refused({.size = 8});
  refused({.size = 4096});
  refused({.size = 64, .steps = 0});
  EXPECT_THROW(check({.size = 64}, IterativeVae({.pixels = 24, .latents = 2})), UsageError);
  EXPECT_THROW(LiveInference(model, {.size = 100}), UsageError);
}

}  // namespace
}  // namespace neurosplat
