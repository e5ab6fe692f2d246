#include "systems/lock/phase_lock.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "neurosplat/core/error.h"
#include "neurosplat/systems/lock/panels.h"
#include "systems/splat_vae/locking_model.h"

namespace neurosplat {
namespace {

using testing::locking_model;
using testing::PhaseLock;
using testing::smooth_picture;

double mean_squared_error(const at::Tensor& a, const at::Tensor& b) {
  return (a.to(at::kDouble) - b.to(at::kDouble)).square().mean().item<double>();
}

TEST(PhaseLock, ErrorNeverGrowsInSmallSteps) {
  const PhaseLock lock(locking_model({32, 64, 8}), {10, 0.05});
  for (const double phase : {0.0, 0.8, 2.0}) {
    const auto result = lock.lock(smooth_picture(32, phase));
    ASSERT_EQ(result.mse.size(), 11U);
    for (std::size_t k = 1; k < result.mse.size(); ++k) {
      EXPECT_LT(result.mse[k], result.mse[k - 1]) << "step " << k << ", phase " << phase;
    }
    EXPECT_LT(result.mse.back(), 0.5 * result.mse.front());
  }
}

TEST(PhaseLock, ErrorsAreThoseOfThePictures) {
  const auto picture = smooth_picture(32);
  const auto result = PhaseLock(locking_model({32, 30, 8}), {5, 0.2}).lock(picture);
  EXPECT_NEAR(result.mse.front(), mean_squared_error(result.prior, picture), 1e-7);
  EXPECT_NEAR(result.mse.back(), mean_squared_error(result.locked, picture), 1e-7);
  EXPECT_LT(result.mse.back(), result.mse.front());
  EXPECT_EQ(result.packets.sizes(), at::IntArrayRef({30, 11}));
  EXPECT_EQ(result.locked.sizes(), at::IntArrayRef({3, 32, 32}));
  EXPECT_FALSE(result.packets.requires_grad() || result.locked.requires_grad() ||
               result.prior.requires_grad() || result.prior_packets.requires_grad());
}

TEST(PhaseLock, StartsFromTheEncodersMeanWithRunningStatistics) {
  const auto model = locking_model({16, 9, 4});
  const auto picture = smooth_picture(16);
  const auto result = PhaseLock(model, {1, 0.1}).lock(picture);
  const at::NoGradGuard no_gradient;
  model.train(false);
  const auto raw = model.decode(model.encode(picture.unsqueeze(0)).mean);
  EXPECT_TRUE(at::allclose(result.prior_packets, raw[0], 0.0, 1e-6));
  EXPECT_TRUE(at::allclose(result.prior, model.draw(raw)[0], 0.0, 1e-6));
  // The first step of Adam moves every number by the learning rate, whatever its slope.
  EXPECT_NEAR((result.packets - result.prior_packets).abs().max().item<double>(), 0.1, 1e-4);
}

TEST(PhaseLock, MovesNothingOfTheModelAndForgetsThePictureBefore) {
  const auto model = locking_model({16, 9, 4});
  std::map<std::string, at::Tensor> before;
  for (const auto& [name, tensor] : model.state()) before[name] = tensor.clone();
  const PhaseLock lock(model, {5, 0.2});
  const auto first = lock.lock(smooth_picture(16));
  lock.lock(smooth_picture(16, 1.5));
  const at::NoGradGuard callers_guard;
  const auto again = lock.lock(smooth_picture(16));
  EXPECT_TRUE(again.locked.equal(first.locked));
  EXPECT_TRUE(again.packets.equal(first.packets));
  for (const auto& [name, tensor] : model.state()) {
    EXPECT_TRUE(tensor.equal(before.at(name))) << name;
    EXPECT_FALSE(tensor.grad().defined()) << name;
  }
}

TEST(PhaseLock, RefusesWhatItCannotUse) {
  const auto model = locking_model({16, 9, 4});
  EXPECT_THROW(PhaseLock(model, {0, 0.2}), UsageError);
  EXPECT_THROW(PhaseLock(model, {5, 0.0}), UsageError);
  EXPECT_THROW(PhaseLock(model, {5, std::numeric_limits<double>::quiet_NaN()}), UsageError);
  const PhaseLock lock(model, {5, 0.2});
  EXPECT_THROW(lock.lock(smooth_picture(32)), UsageError);
  EXPECT_THROW(lock.lock(at::zeros({3, 16, 16}, at::kByte)), UsageError);
  const at::NoGradGuard no_gradient;
  model.state().at("dec.net.4.bias").fill_(std::numeric_limits<float>::quiet_NaN());
  EXPECT_THROW(lock.lock(smooth_picture(16)), Error);
}

// s' = 0.012 + 0.14 / (1 + e^-s) is 0.0193 at s = -2.9 and 0.0208 at s = -2.7.
TEST(LockPanels, AreDoubledSideBySide) {
  const auto pictures = at::rand({3, 3, 4, 4});
  const auto panels = lock_panels(pictures[0], pictures[1], pictures[2]);
  ASSERT_EQ(panels.sizes(), at::IntArrayRef({3, 8, 24}));
  const auto given = pictures.accessor<float, 4>();
  const auto got = panels.accessor<float, 3>();
  for (int c = 0; c < 3; ++c)
    for (int y = 0; y < 8; ++y)
      for (int x = 0; x < 24; ++x) ASSERT_EQ(got[c][y][x], given[x / 8][c][y / 2][x % 8 / 2]);
}

}  // namespace
}  // namespace neurosplat
