#include "systems/hierarchical_vae/hierarchical_vae_update.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "neurosplat/core/error.h"

namespace neurosplat {
namespace {

HierarchicalVaeConfig tiny() {
  HierarchicalVaeConfig config;
  config.image_size = 16;
  config.width = 8;
  config.latent_channels = 2;
  config.blocks = "1,1,1,1,1";
  config.encoder_blocks = "1,1,1,1,1";
  config.zoom = 1;
  config.grey_share = 0;
  config.lr_warmup = 0;
  config.kl_warmup = 0;
  config.average = 0;
  config.coarse_share = 0;
  config.epochs = 100;
  settle_schedule(config);
  return config;
}

at::Tensor some_pictures() {
  return at::rand({4, 3, 16, 16}, at::detail::createCPUGenerator(1));
}

std::map<std::string, at::Tensor> copy_of(const HierarchicalVae& model) {
  std::map<std::string, at::Tensor> copy;
  for (const auto& [name, tensor] : model.state()) copy[name] = tensor.detach().clone();
  return copy;
}

bool same(const HierarchicalVae& model, const std::map<std::string, at::Tensor>& before) {
  for (const auto& [name, tensor] : model.state()) {
    if (!tensor.equal(before.at(name))) return false;
  }
  return true;
}

TEST(HierarchicalVaeUpdate, LearnsAndItsPartsAddUp) {
  HierarchicalVaeUpdate update(tiny(), at::kCPU, 10);
  StageClock clock;
  const auto pictures = some_pictures() / 4;
  Figures first, last;
  for (int step = 0; step < 40; ++step) {
    last = update.step(pictures, clock);
    if (step == 0) first = last;
    EXPECT_NEAR(figure(last, "bits"), figure(last, "rec") + figure(last, "kl"), 1e-6);
    EXPECT_NEAR(figure(last, "bits"), figure(last, "loss"), 1e-4);
    EXPECT_EQ(figure(last, "skipped"), 0);
  }
  EXPECT_LT(figure(last, "bits"), figure(first, "bits") - 0.5);
}

TEST(HierarchicalVaeUpdate, SkipsStepsOfLargeGradients) {
  auto config = tiny();
  config.skip = 1e-6;
  HierarchicalVaeUpdate update(config, at::kCPU, 10);
  const auto before = copy_of(update.model());
  StageClock clock;
  const auto terms = update.step(some_pictures(), clock);
  EXPECT_EQ(figure(terms, "skipped"), 1);
  EXPECT_GT(figure(terms, "gradient"), 1e-6);
  EXPECT_TRUE(same(update.model(), before));
  config.skip = 0;
  HierarchicalVaeUpdate always(config, at::kCPU, 10);
  EXPECT_EQ(figure(always.step(some_pictures(), clock), "skipped"), 0);
  EXPECT_FALSE(same(always.model(), before));
}

/// The weight of the KL grows over the epochs asked for; free bits are a floor of its cost.
TEST(HierarchicalVaeUpdate, KlWarmsUpAndHasAFloor) {
  auto config = tiny();
  config.kl_warmup = 2;
  HierarchicalVaeUpdate update(config, at::kCPU, 10);
  EXPECT_NEAR(update.kl_weight(0), 1.0 / 20, 1e-12);
  StageClock clock;
  const auto terms = update.step(some_pictures(), clock);
  EXPECT_NEAR(figure(terms, "loss"), figure(terms, "rec") + figure(terms, "kl") / 20, 1e-5);
  EXPECT_NEAR(update.kl_weight(1), 2.0 / 20, 1e-12);
  EXPECT_EQ(update.kl_weight(25), 1);

  config.kl_warmup = 0;
  config.free_bits = 10;  // more than any number has at first
  HierarchicalVaeUpdate free(config, at::kCPU, 10);
  const auto floor = free.step(some_pictures(), clock);
  double numbers = 0;
  for (const auto& [channels, side] : free.model().levels()) {
    numbers += static_cast<double>(channels * side * side);
  }
  EXPECT_NEAR(figure(floor, "loss"), figure(floor, "rec") + 10 * numbers / (3 * 16 * 16), 1e-4);
}

TEST(HierarchicalVaeUpdate, LearnsCoarsePicturesBeside) {
  auto config = tiny();
  config.coarse_share = 0.5;
  HierarchicalVaeUpdate update(config, at::kCPU, 10);
  StageClock clock;
  const auto pictures = some_pictures() / 4;
  Figures first, last;
  for (int step = 0; step < 40; ++step) {
    last = update.step(pictures, clock);
    if (step == 0) first = last;
    EXPECT_GT(figure(last, "coarse"), 0);
  }
  EXPECT_LT(figure(last, "coarse"), 0.5 * figure(first, "coarse"));
  // One picture stays whole, whatever the share.
  config.coarse_share = 1;
  HierarchicalVaeUpdate most(config, at::kCPU, 10);
  EXPECT_GT(figure(most.step(pictures, clock), "bits"), 0);
}

TEST(HierarchicalVaeUpdate, LossesThatBreakLeaveTheWeights) {
  HierarchicalVaeUpdate update(tiny(), at::kCPU, 10);
  const auto before = copy_of(update.model());
  StageClock clock;
  EXPECT_THROW(update.step(at::full({4, 3, 16, 16}, NAN), clock), Error);
  EXPECT_TRUE(same(update.model(), before));
}

TEST(HierarchicalVaeUpdate, TakesSquaresOfLargerPictures) {
  HierarchicalVaeUpdate update(tiny(), at::kCPU, 10);
  StageClock clock;
  const auto larger = at::rand({4, 3, 20, 20}, at::detail::createCPUGenerator(1));
  for (int step = 0; step < 8; ++step) EXPECT_NO_THROW(update.step(larger, clock));
}

TEST(Greyed, TurnsChosenPicturesGrey) {
  const auto pictures = some_pictures();
  const auto found = greyed(pictures, at::tensor({1, 0, 0, 1}).to(at::kBool));
  EXPECT_TRUE(found[1].equal(pictures[1]));
  EXPECT_TRUE(found[0][0].equal(found[0][1]));
  EXPECT_TRUE(found[3][0].equal(found[3][2]));
  const auto white = greyed(at::ones({1, 3, 2, 2}), at::ones({1}, at::kBool));
  EXPECT_TRUE(white.allclose(at::ones({1, 3, 2, 2})));
}

/// What save() keeps, load() goes on with bit by bit.
TEST(HierarchicalVaeUpdate, GoesOnFromItsState) {
  auto config = tiny();
  config.average = 0.9;
  config.grey_share = 0.5;
  HierarchicalVaeUpdate one(config, at::kCPU, 10), other(config, at::kCPU, 10);
  StageClock clock;
  for (int step = 0; step < 3; ++step) one.step(some_pictures(), clock);
  TensorFile state;
  one.save(state);
  other.load(state);
  const auto expected = one.step(some_pictures(), clock);
  EXPECT_EQ(other.step(some_pictures(), clock), expected);
  EXPECT_TRUE(same(other.model(), one.model().state()));
  EXPECT_TRUE(same(other.best_model(), one.best_model().state()));
  EXPECT_FALSE(same(other.best_model(), one.model().state()));
}

}  // namespace
}  // namespace neurosplat
