#include "systems/splat_vae/augmentation.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <cmath>

namespace neurosplat {
namespace {

at::Generator generator() {
  return at::detail::createCPUGenerator(5);
}

TEST(Augmentation, OneSeedGivesOneBatch) {
  const auto pictures = at::rand({6, 3, 32, 32}, generator(), at::kFloat);
  const auto once = augmented(pictures, generator());
  EXPECT_TRUE(at::equal(once, augmented(pictures, generator())));
  EXPECT_FALSE(at::equal(once, pictures));
  EXPECT_GE(once.min().item<double>(), 0);
  EXPECT_LE(once.max().item<double>(), 1);
}

TEST(Augmentation, NothingComesFromBeyondTheEdge) {
  const auto grey = at::full({16, 3, 32, 32}, 0.7);
  EXPECT_LT((augmented(grey, generator()) - grey).abs().max().item<double>(), 1e-5);
}

// A ramp from left to right: its slope is the inverse of the magnification, its sign the mirror's,
// and a turn takes a part of it to the other axis. 400 pictures; slopes beyond what the header
// allows would show.
TEST(Augmentation, RangesAreThoseOfTheHeader) {
  constexpr std::int64_t side = 64, count = 400;
  const auto ramp = at::linspace(0.3, 0.7, side).expand({count, 3, side, side}).contiguous();
  const auto moved = augmented(ramp, generator());
  const auto middle = moved.narrow(2, 31, 2).narrow(3, 31, 2).select(1, 0);
  const double step = 0.4 / (side - 1);
  const auto right = (middle.select(2, 1) - middle.select(2, 0)).mean(1) / step;
  const auto down = (middle.select(1, 1) - middle.select(1, 0)).mean(1) / step;
  const auto scale = (right.square() + down.square()).sqrt();
  EXPECT_GT(scale.min().item<double>(), std::exp(-0.04 - 0.22 - 0.06) - 0.02);
  EXPECT_LT(scale.max().item<double>(), std::exp(-0.04 + 0.22 + 0.06) + 0.02);
  EXPECT_GT(scale.max().item<double>() - scale.min().item<double>(), 0.3);
  EXPECT_LT((down / right).abs().max().item<double>(), std::tan(0.2) * 1.2);
  const double mirrored = (right < 0).to(at::kDouble).mean().item<double>();
  EXPECT_NEAR(mirrored, 0.5, 4.9 * 0.5 / 20);  // wrong by chance with probability 1e-6
  EXPECT_LT((middle - 0.5).abs().max().item<double>(), 0.4 / 8 + 0.01);
}

// A turn with scales before it: the places that two neighbours of a pixel come from lie at right
// angles, read off a ramp to the right and one downwards.
TEST(Augmentation, TurnsAndDoesNotShear) {
  constexpr std::int64_t side = 64, count = 100;
  const auto ramp = at::linspace(0.3, 0.7, side).expand({side, side});
  const auto ramps = at::stack({ramp, ramp.t(), ramp}).expand({count, 3, side, side});
  const auto middle = augmented(ramps.contiguous(), generator()).slice(2, 31, 33).slice(3, 31, 33);
  const auto to_right = middle.select(3, 1).select(2, 0) - middle.select(3, 0).select(2, 0);
  const auto down = middle.select(2, 1).select(2, 0) - middle.select(2, 0).select(2, 0);
  const auto product = (to_right * down).slice(1, 0, 2).sum(1);
  const auto lengths =
      (to_right.slice(1, 0, 2).square().sum(1) * down.slice(1, 0, 2).square().sum(1)).sqrt();
  EXPECT_LT((product / lengths).abs().max().item<double>(), 0.01);
}

}  // namespace
}  // namespace neurosplat
