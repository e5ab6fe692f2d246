// What the modulated network makes of conditions (docs/patch-flow.md, "Conditions").
#include "neurosplat/systems/patch_flow/conditions.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <string>

#include "io/one_line.h"
#include "neurosplat/core/error.h"
#include "neurosplat/systems/patch_flow/picture_description.h"
#include "systems/patch_flow/condition_branches.h"
#include "systems/patch_flow/patch_flow_update.h"

namespace neurosplat {
namespace {

using testing::one_line_error;

PatchFlowArchitecture tiny(const std::string& vision, const std::string& semantic) {
  return {.image_size = 16,
          .width = 32,
          .depth = 2,
          .heads = 1,
          .hidden = 16,
          .vision = vision,
          .semantic = semantic};
}

at::Tensor normal(at::IntArrayRef shape, std::uint64_t seed) {
  return at::randn(shape, at::detail::createCPUGenerator(seed), at::TensorOptions(at::kFloat));
}

/// Weights that start as zero would hide what they multiply.
void stir(const PatchFlow& model) {
  const at::NoGradGuard no_gradient;
  std::uint64_t seed = 5;
  for (const auto& [name, weight] : model.state()) {
    if (weight.requires_grad()) at::Tensor(weight).add_(normal(weight.sizes(), ++seed), 0.1);
  }
}

struct Asked {
  PatchFlow model{tiny("thumbnail", "statistics"), 3};
  at::Tensor noisy = normal({4, 3, 16, 16}, 1), times = at::tensor({0.1F, 0.4F, 0.6F, 0.9F});
  at::Tensor vision = normal({4, 192}, 2), semantic = normal({4, 448}, 3);

  at::Tensor predict(const Conditions& conditions) const {
    return model.predict(noisy, times, conditions);
  }
  at::Tensor weighing(double w, double s) const {
    return predict({.vision = vision,
                    .semantic = semantic,
                    .weights = at::tensor({w, s}).to(at::kFloat).expand({4, 2})});
  }
};

TEST(Conditions, StartAsTheNetworkWithout) {
  const Asked asked;
  const PatchFlow without(tiny("none", "none"), 3);
  const auto expected = without.predict(asked.noisy, asked.times);
  EXPECT_TRUE(asked.predict({}).equal(expected));
  EXPECT_TRUE(asked.predict({.vision = asked.vision, .semantic = asked.semantic}).equal(expected));
  for (const auto& [name, weight] : without.state()) {
    EXPECT_TRUE(weight.equal(asked.model.state().at(name))) << name;
  }
}

TEST(Conditions, MixAddsToTheModulationInProportion) {
  torch::nn::ModuleHolder<ConditionBranchesImpl> branches(tiny("thumbnail", "statistics"));
  const auto vision = normal({4, 192}, 2), semantic = normal({4, 448}, 3);
  const auto alone = [](double v, double s) {
    return at::tensor({v, s}).to(at::kFloat).expand({4, 2});
  };
  const auto of_vision = branches->forward({.vision = vision, .weights = alone(1, 0)});
  const auto of_semantic = branches->forward({.semantic = semantic, .weights = alone(0, 1)});
  ASSERT_EQ(of_vision.sizes(), at::IntArrayRef({4, 2 * 6 + 2, 32}));
  const auto weights = at::rand({4, 2}, at::detail::createCPUGenerator(4), at::kFloat);
  const auto mixed =
      branches->forward({.vision = vision, .semantic = semantic, .weights = weights});
  const auto w = weights.unsqueeze(-1).unsqueeze(-1);
  EXPECT_TRUE(
      at::allclose(mixed, w.select(1, 0) * of_vision + w.select(1, 1) * of_semantic, 1e-5, 1e-6));
  EXPECT_FALSE(branches->forward({}).defined());
}

TEST(Conditions, WeighSixAndFourTogetherAndOneAlone) {
  const Asked asked;
  stir(asked.model);
  const auto both = asked.predict({.vision = asked.vision, .semantic = asked.semantic});
  EXPECT_TRUE(both.equal(asked.weighing(0.6, 0.4)));
  EXPECT_TRUE(at::allclose(asked.predict({.vision = asked.vision}), asked.weighing(1, 0)));
  EXPECT_TRUE(at::allclose(asked.predict({.semantic = asked.semantic}), asked.weighing(0, 1)));
  EXPECT_TRUE(at::allclose(asked.predict({}), asked.weighing(0, 0)));
  EXPECT_GT((both - asked.predict({})).abs().max().item<double>(), 1e-3);
  // A picture that is the mean of all is not the same as none.
  EXPECT_GT(
      (asked.predict({.vision = at::zeros({4, 192})}) - asked.predict({})).norm().item<double>(),
      1e-3);
}

TEST(Conditions, GradientsReachEveryWeightOfBothBranches) {
  const Asked asked;
  stir(asked.model);
  asked.weighing(0.3, 0.7).square().sum().backward();
  int found = 0;
  for (const auto& [name, weight] : asked.model.state()) {
    if (!name.starts_with("conditions.") || !weight.requires_grad()) continue;
    ++found;
    ASSERT_TRUE(weight.grad().defined()) << name;
    EXPECT_GT(weight.grad().norm().item<double>(), 0) << name;
  }
  EXPECT_EQ(found, 6);
}

TEST(Conditions, RefuseOtherSizesOnOneLine) {
  const Asked asked;
  const auto refusal = [&](const Conditions& conditions) {
    return one_line_error([&] { asked.predict(conditions); });
  };
  EXPECT_EQ(refusal({.vision = at::zeros({4, 448})}),
            "vision: expected [4, 192], got [4, 448]: give a row of describe() for each picture");
  EXPECT_NE(refusal({.semantic = at::zeros({3, 448})}).find("semantic: expected [4, 448]"),
            std::string::npos);
  refusal({.vision = asked.vision, .weights = at::ones({4, 1})});
  refusal({.vision = asked.vision, .semantic = asked.semantic, .vision_share = 1.5});
  const PatchFlow without(tiny("thumbnail", "none"));
  const auto said = one_line_error(
      [&] { without.predict(asked.noisy, asked.times, {.semantic = asked.semantic}); });
  EXPECT_NE(said.find("the model was trained without one"), std::string::npos) << said;
  EXPECT_THROW(check(tiny("caption", "none")), UsageError);
  auto author = patch_flow_preset("author", "splats");
  author.semantic = "thumbnail";
  EXPECT_THROW(check(author), UsageError);
}

TEST(Conditions, AreDroppedAndMixedAsSaid) {
  constexpr std::int64_t kCount = 100000;
  constexpr double kDropout = 0.1;
  const auto draw = [&](const char* vision, const char* semantic) {
    return draw_condition_weights(tiny(vision, semantic), kDropout, kCount,
                                  at::detail::createCPUGenerator(1))
        .to(at::kDouble);
  };
  const auto share = [](const at::Tensor& which) {
    return which.to(at::kDouble).mean().item<double>();
  };
  const auto two = draw("thumbnail", "statistics");
  const auto sum = two.sum(1);
  EXPECT_TRUE(((sum - 1).abs().lt(1e-6) | sum.eq(0)).all().item<bool>());
  // Five standard errors of shares.
  constexpr double kMargin = 5 * 0.5 / 316;
  const double told = 1 - kDropout;
  EXPECT_NEAR(share(sum.eq(0)), kDropout + told * kDropout * kDropout, kMargin);
  EXPECT_NEAR(share(two.select(1, 0).eq(1)), told * told * kDropout, kMargin);
  EXPECT_NEAR(share(two.select(1, 1).eq(1)), told * told * kDropout, kMargin);
  EXPECT_NEAR(share(two.select(1, 0).lt(0.25) & two.select(1, 0).gt(0)), told * told * told / 4,
              kMargin);
  const auto one = draw("none", "statistics");
  EXPECT_EQ(one.select(1, 0).abs().max().item<double>(), 0);
  EXPECT_NEAR(share(one.select(1, 1).eq(1)), told, kMargin);
  EXPECT_NEAR(share(one.select(1, 1).eq(0)), kDropout, kMargin);
}

TEST(Conditions, AreStandardisedByThePicturesGiven) {
  const PatchFlow model(tiny("thumbnail", "statistics"));
  const auto pictures = at::rand({40, 3, 16, 16}, at::detail::createCPUGenerator(7), at::kFloat);
  pictures.select(1, 2).fill_(0.25);  // a colour that is the same everywhere
  fit_standards(model, pictures);
  const auto rows = describe(model, pictures);
  const auto raw = PictureDescriptor("thumbnail")(pictures);
  EXPECT_NEAR(
      rows.vision[3][20].item<double>(),
      ((raw[3][20] - raw.select(1, 20).mean()) / raw.select(1, 20).std(false)).item<double>(),
      1e-3);
  EXPECT_EQ(rows.vision.narrow(1, 128, 64).abs().max().item<double>(), 0);
  EXPECT_LT(rows.semantic.mean(0).abs().max().item<double>(), 1e-3);
  EXPECT_TRUE(rows.semantic.isfinite().all().item<bool>());
  EXPECT_FALSE(describe(PatchFlow(tiny("none", "statistics")), pictures).vision.defined());
  one_line_error([&] { describe(model, at::rand({1, 3, 24, 24})); });
}

TEST(Conditions, AreCutAndRepeatedByPicture) {
  const Conditions one{.vision = normal({1, 4}, 1)};
  const auto three = one.repeated(3);
  EXPECT_EQ(three.vision.sizes(), at::IntArrayRef({3, 4}));
  EXPECT_FALSE(three.semantic.defined());
  const Conditions all{.vision = normal({5, 4}, 1), .semantic = normal({5, 2}, 2)};
  EXPECT_TRUE(all.narrow(2, 2).semantic.equal(all.semantic.narrow(0, 2, 2)));
}

}  // namespace
}  // namespace neurosplat
