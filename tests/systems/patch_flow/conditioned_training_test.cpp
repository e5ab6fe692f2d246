// A small flow that is told which of two kinds of pictures to draw.
#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include "neurosplat/systems/patch_flow/picture_description.h"
#include "neurosplat/systems/patch_flow/picture_refinement.h"
#include "systems/patch_flow/patch_flow_update.h"
#include "systems/patch_flow/sampling.h"

namespace neurosplat {
namespace {

PatchFlowConfig tiny() {
  PatchFlowConfig config;
  config.image_size = 16;
  config.width = 64;
  config.depth = 1;
  config.batch = 16;
  config.lr = 3e-3;
  config.lr_warmup = 20;
  config.average = 0.98;
  config.vision = "thumbnail";
  config.semantic = "statistics";
  return config;
}

/// Odd ones are bluish and bright below, even ones reddish and bright above, each a little of its
/// own.
at::Tensor two_kinds(std::int64_t count) {
  const auto generator = at::detail::createCPUGenerator(6);
  const auto down = at::linspace(0, 1, 16, at::kFloat).view({1, 16, 1});
  const auto red = at::tensor({0.8F, 0.3F, 0.2F}).view({3, 1, 1});
  const auto blue = at::tensor({0.2F, 0.3F, 0.8F}).view({3, 1, 1});
  auto pictures = at::zeros({count, 3, 16, 16}, at::kFloat);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto light = 0.7 + 0.3 * at::rand({1}, generator, at::kFloat);
    pictures[i] += light * (i % 2 == 0 ? red * (1 - down / 2) : blue * (0.5 + down / 2));
  }
  return pictures;
}

class ConditionedTraining : public ::testing::Test {
 protected:
  static constexpr std::int64_t kSteps = 300, kSampled = 8;

  static void SetUpTestSuite() {
    pictures_ = new at::Tensor(two_kinds(32));
    update_ = new PatchFlowUpdate(tiny(), at::kCPU, kSteps);
    fit_standards(update_->model(), *pictures_);
    StageClock clock;
    for (std::int64_t step = 0; step < kSteps; ++step) {
      update_->step(pictures_->narrow(0, step % 2 * 16, 16), clock);
    }
  }
  static void TearDownTestSuite() {
    delete update_;
    delete pictures_;
  }

  /// Conditions of the kind's first picture.
  static Conditions of_kind(std::int64_t kind) {
    return describe(update_->best_model(), pictures_->narrow(0, kind, 1)).repeated(kSampled);
  }

  /// Share of samples that are nearer to the mean of their kind than to that of the other.
  static double share_of_kind(const at::Tensor& samples, std::int64_t kind) {
    const auto mean = [](std::int64_t k) {
      return pictures_->slice(0, k, pictures_->size(0), 2).mean(0);
    };
    const auto error = [&](std::int64_t k) { return (samples - mean(k)).square().mean({1, 2, 3}); };
    return error(kind).lt(error(1 - kind)).to(at::kDouble).mean().item<double>();
  }

  static at::Tensor sampled(const Conditions& conditions, double guidance = 1) {
    return sample_pictures(update_->best_model(), kSampled, 9, {.steps = 16}, {},
                           {conditions, guidance});
  }

  static inline at::Tensor* pictures_ = nullptr;
  static inline PatchFlowUpdate* update_ = nullptr;
};

TEST_F(ConditionedTraining, SamplesFollowBothOrEitherCondition) {
  for (const std::int64_t kind : {0, 1}) {
    const auto both = of_kind(kind);
    EXPECT_EQ(share_of_kind(sampled(both), kind), 1) << kind;
    EXPECT_EQ(share_of_kind(sampled({.vision = both.vision}), kind), 1) << kind;
    EXPECT_EQ(share_of_kind(sampled({.semantic = both.semantic}), kind), 1) << kind;
    EXPECT_EQ(share_of_kind(sampled(both, 2), kind), 1) << kind;
  }
  EXPECT_FALSE(sampled(of_kind(0), 2).equal(sampled(of_kind(0))));
}

// The conditions say what a sketch of the other kind becomes.
TEST_F(ConditionedTraining, SketchesAreDrawnAnewUnderTheConditions) {
  const auto sketches = pictures_->narrow(0, 1, 1).expand({kSampled, 3, 16, 16});
  const RefinementSteps most{.strength = 0.9, .steps = 20, .seed = 3};
  const auto refined = refined_pictures(update_->best_model(), sketches, most, of_kind(0));
  EXPECT_EQ(share_of_kind(refined, 0), 1);
}

TEST_F(ConditionedTraining, SketchesStayWhereLittleIsDrawnAnew) {
  const auto sketches = pictures_->narrow(0, 0, kSampled);
  const auto distance = [&](double strength) {
    const auto refined = refined_pictures(update_->best_model(), sketches,
                                          {.strength = strength, .steps = 20, .seed = 3});
    return (refined - sketches).square().mean().item<double>();
  };
  EXPECT_LT(distance(0.1), 1e-3);
  EXPECT_LT(distance(0.1), 0.5 * distance(1));
}

TEST_F(ConditionedTraining, AverageKeepsTheStandards) {
  const auto state = update_->model().state(), best = update_->best_model().state();
  for (const auto* name : {"conditions.vision.mean", "conditions.semantic.deviation"}) {
    EXPECT_TRUE(best.at(name).equal(state.at(name))) << name;
  }
  EXPECT_GT(state.at("conditions.vision.mean").min().item<double>(), 0);
}

TEST_F(ConditionedTraining, GoesOnWhereItWasSaved) {
  TensorFile state;
  update_->save(state);
  for (auto& [name, tensor] : state.tensors) tensor = tensor.clone();
  PatchFlowUpdate other(tiny(), at::kCPU, kSteps);
  other.load(state);
  StageClock clock;
  const auto batch = pictures_->narrow(0, 0, 16);
  EXPECT_EQ(figure(other.step(batch, clock), "mse"), figure(update_->step(batch, clock), "mse"));
}

}  // namespace
}  // namespace neurosplat
