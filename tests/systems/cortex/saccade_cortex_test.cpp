#include "neurosplat/systems/cortex/saccade_cortex.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "neurosplat/core/error.h"
#include "neurosplat/renderer/packets/packet.h"
#include "systems/splat_vae/locking_model.h"

namespace neurosplat {
namespace {

using testing::locking_model;
using testing::smooth_picture;

double weighted_error(const at::Tensor& a, const at::Tensor& b, const at::Tensor& window) {
  return (window * (a - b).square()).sum().item<double>();
}

TEST(SaccadeCortex, RefinesOnlyWhatLiesNearTheFixation) {
  const SaccadeCortex cortex(locking_model({32, 64, 8}),
                             {.fixations = 1, .steps = 8, .learning_rate = 0.15, .fovea = 0.12});
  const auto picture = smooth_picture(32, 0.7);
  const auto seen = cortex.perceive(picture);
  ASSERT_EQ(seen.fixations.size(), 1U);
  const auto [row, column] = seen.fixations[0];

  // Where the error, averaged over 9 x 9 with zeros beyond the edges, is largest.
  const auto error = (picture - seen.prior).abs().mean(0);
  double best = -1.0;
  Fixation expected{0, 0};
  for (std::int64_t r = 0; r < 32; ++r) {
    for (std::int64_t c = 0; c < 32; ++c) {
      const auto part = error.slice(0, std::max<std::int64_t>(r - 4, 0), r + 5)
                            .slice(1, std::max<std::int64_t>(c - 4, 0), c + 5);
      const double sum = part.sum().item<double>() / 81.0;
      if (sum > best + 1e-7) {
        best = sum;
        expected = {r, c};
      }
    }
  }
  EXPECT_EQ(seen.fixations[0], expected);

  const auto start = locking_model({32, 64, 8});
  start.train(false);
  const auto prior = start.decode(start.encode(picture.unsqueeze(0)).mean).detach();
  const auto active = activate_packets(prior)[0];
  const auto dx = active.select(1, packet::kX) - static_cast<double>(column) / 31.0;
  const auto dy = active.select(1, packet::kY) - static_cast<double>(row) / 31.0;
  const auto near = (dx.square() + dy.square()).sqrt() <= 1.5 * 0.12;
  const auto moved = (seen.packets - prior[0]).abs().amax(1) > 0.0;
  EXPECT_TRUE(moved.equal(near));
  EXPECT_GT(near.sum().item<std::int64_t>(), 0);
  EXPECT_LT(near.sum().item<std::int64_t>(), 64);

  const auto window = fovea(32, 32, seen.fixations[0], 0.12 * 31.0, at::kFloat);
  EXPECT_LT(weighted_error(seen.percept, picture, window),
            0.8 * weighted_error(seen.prior, picture, window));
}

// The step itself against one that draws all packets and lets autograd go through everything.
TEST(SaccadeCortex, TakesAdamsStepsOnTheFoveasError) {
  const SplatVae model = locking_model({32, 36, 8});
  const auto picture = smooth_picture(32, 1.2);
  const SaccadeCortex cortex(model, {.fixations = 1, .steps = 3, .fovea = 0.2});
  const auto seen = cortex.perceive(picture);
  const auto window = fovea(32, 32, seen.fixations[0], 0.2 * 31.0, at::kFloat);
  auto raw = model.decode(model.encode(picture.unsqueeze(0)).mean).detach();
  const auto moves = ((seen.packets - raw[0]).abs().amax(1, true) > 0.0).to(at::kFloat);
  auto first = at::zeros_like(raw), second = at::zeros_like(raw);
  for (int step = 1; step <= 3; ++step) {
    auto leaf = raw.clone().requires_grad_();
    const auto error = window * (model.draw(leaf)[0] - picture).square();
    (error.sum() / (3.0 * window.sum() + 1e-6)).backward();
    const auto gradient = leaf.grad() * moves;
    first = 0.9 * first + 0.1 * gradient;
    second = 0.999 * second + 0.001 * gradient.square();
    const auto scale = (second / (1.0 - std::pow(0.999, step))).sqrt() + 1e-8;
    raw = raw - 0.15 * moves * (first / (1.0 - std::pow(0.9, step))) / scale;
  }
  EXPECT_LT((model.draw(raw)[0] - seen.percept).abs().max().item<double>(), 2e-3);
}

TEST(SaccadeCortex, LooksElsewhereAndEveryFrameStartsAfresh) {
  const SaccadeCortex cortex(locking_model({32, 36, 8}), {});
  const auto picture = smooth_picture(32);
  const auto first = cortex.perceive(picture), again = cortex.perceive(picture);
  ASSERT_EQ(first.fixations.size(), 5U);
  EXPECT_EQ(first.fixations, again.fixations);
  for (std::size_t i = 1; i < 5; ++i) EXPECT_NE(first.fixations[i], first.fixations[i - 1]);
  EXPECT_LT((first.percept - picture).square().mean().item<double>(),
            (first.prior - picture).square().mean().item<double>());
}

TEST(SaccadeCortex, WithoutFixationsGivesThePrior) {
  const SaccadeCortex cortex(locking_model({16, 4, 4}), {.fixations = 0});
  const auto seen = cortex.perceive(smooth_picture(16));
  EXPECT_TRUE(seen.percept.equal(seen.prior));
  EXPECT_THROW(cortex.perceive(smooth_picture(32)), UsageError);
  EXPECT_THROW(SaccadeCortex(locking_model({16, 4, 4}), {.fixations = -1}), UsageError);
  EXPECT_THROW(SaccadeCortex(locking_model({16, 4, 4}), {.learning_rate = 0.0}), UsageError);
  EXPECT_THROW(SaccadeCortex(locking_model({16, 4, 4}), {.fovea = 0.0}), UsageError);
}

}  // namespace
}  // namespace neurosplat
