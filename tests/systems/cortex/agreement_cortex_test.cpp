#include "neurosplat/systems/cortex/agreement_cortex.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <cmath>

#include "neurosplat/core/error.h"
#include "neurosplat/metrics/gaussian_blur.h"

namespace neurosplat {
namespace {

at::Tensor noise(std::int64_t height, std::int64_t width, std::uint64_t seed) {
  return at::rand({height, width}, at::detail::createCPUGenerator(seed), at::kDouble);
}

TEST(Gaze, TakesTheFirstOfEquals) {
  const Gaze gaze(20, 30, 3.0, 4, at::kDouble);
  EXPECT_EQ(gaze.most_salient(at::ones({20, 30}, at::kDouble)), (Fixation{4, 4}));
  auto two = at::zeros({20, 30}, at::kDouble);
  two[12][7] = two[9][20] = two[1][1] = 1.0;
  EXPECT_EQ(gaze.most_salient(two), (Fixation{9, 20}));
}

TEST(Gaze, AvoidsWhatItHasSeenUntilThatFades) {
  Gaze gaze(40, 40, 3.0, 0, at::kDouble);
  auto two = at::zeros({40, 40}, at::kDouble);
  two[10][10] = 1.0;
  two[30][30] = 0.5;
  gaze.inhibit({10, 10});
  EXPECT_EQ(gaze.most_salient(two), (Fixation{30, 30}));
  gaze.fade(0.4);  // 1.0 * (1 - 0.4) > 0.5
  EXPECT_EQ(gaze.most_salient(two), (Fixation{10, 10}));
  EXPECT_THROW(Gaze(10, 40, 3.0, 5, at::kDouble), UsageError);
}

TEST(Fovea, IsAGaussian) {
  const auto window = fovea(9, 12, {3, 4}, 2.0, at::kDouble);
  EXPECT_EQ(window[3][4].item<double>(), 1.0);
  EXPECT_NEAR(window[5][7].item<double>(), std::exp(-13.0 / 8.0), 1e-15);
}

// One fixation by hand: what it lets in, and what the next frame remembers of it.
TEST(AgreementCortex, LetsTheGatedResidualIn) {
  const auto frame = noise(60, 60, 1), gist = gaussian_blur(frame, 2.0);
  AgreementCortex cortex({.fixations = 1, .decay = 0.5, .fovea = 6.0});
  const auto first = cortex.perceive(frame, gist);
  ASSERT_EQ(first.fixations.size(), 1U);
  const auto gain = AgreementGate().gain(frame, gist);
  EXPECT_TRUE(first.gain.equal(gain));
  const auto let_in = [&](const Fixation& at) {
    return fovea(60, 60, at, 6.0, at::kDouble) * gain * (frame - gist);
  };
  const auto expected = let_in(first.fixations[0]);
  EXPECT_LT((first.agreement - expected).abs().max().item<double>(), 1e-15);
  EXPECT_LT((first.percept - (gist + expected).clamp(0, 1)).abs().max().item<double>(), 1e-15);
  const auto second = cortex.perceive(frame, gist);
  EXPECT_NE(second.fixations[0], first.fixations[0]);
  const auto both = 0.5 * expected + let_in(second.fixations[0]);
  EXPECT_LT((second.agreement - both).abs().max().item<double>(), 1e-15);
  cortex.reset();
  EXPECT_TRUE(cortex.perceive(frame, gist).agreement.equal(first.agreement));
}

TEST(AgreementCortex, WithoutTheGateLetsTheResidualIn) {
  const auto frame = noise(50, 50, 2), gist = noise(50, 50, 3);
  AgreementCortex cortex({.fixations = 1, .gated = false});
  const auto seen = cortex.perceive(frame, gist);
  const auto expected = fovea(50, 50, seen.fixations[0], 16.0, at::kDouble) * (frame - gist);
  EXPECT_LT((seen.agreement - expected).abs().max().item<double>(), 1e-15);
}

TEST(AgreementCortex, StartsAfreshWhenTheSizeChanges) {
  AgreementCortex cortex, fresh;
  const auto small = noise(48, 48, 4), large = noise(64, 50, 5);
  cortex.perceive(small, gaussian_blur(small, 3.0));
  const auto seen = cortex.perceive(large, gaussian_blur(large, 3.0));
  EXPECT_TRUE(seen.percept.equal(fresh.perceive(large, gaussian_blur(large, 3.0)).percept));
}

TEST(AgreementCortex, RefusesWhatCannotBe) {
  EXPECT_THROW(AgreementCortex({.fixations = -1}), UsageError);
  EXPECT_THROW(AgreementCortex({.decay = 1.5}), UsageError);
  EXPECT_THROW(AgreementCortex({.fovea = 0.0}), UsageError);
  AgreementCortex cortex;
  EXPECT_THROW(cortex.perceive(noise(20, 20, 1), noise(20, 20, 1)), UsageError);  // all border
}

}  // namespace
}  // namespace neurosplat
