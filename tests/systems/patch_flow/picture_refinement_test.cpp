#include "neurosplat/systems/patch_flow/picture_refinement.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include "io/one_line.h"
#include "neurosplat/systems/patch_flow/picture_description.h"

namespace neurosplat {
namespace {

using testing::one_line_error;

PatchFlow untrained(const std::string& vision = "none") {
  return PatchFlow(
      {.image_size = 16, .width = 16, .depth = 1, .heads = 1, .hidden = 8, .vision = vision});
}

at::Tensor sketches(std::int64_t count, std::uint64_t seed = 1) {
  return at::rand({count, 3, 16, 16}, at::detail::createCPUGenerator(seed), at::kFloat);
}

TEST(PictureRefinement, OfTheWholeWayIgnoresTheSketch) {
  const auto model = untrained();
  const RefinementSteps all{.strength = 1, .steps = 4, .seed = 2},
      half{.strength = 0.5, .steps = 4};
  const auto refined = refined_pictures(model, sketches(2, 1), all);
  EXPECT_TRUE(refined.equal(refined_pictures(model, sketches(2, 5), all)));
  EXPECT_FALSE(refined_pictures(model, sketches(2, 1), half)
                   .equal(refined_pictures(model, sketches(2, 5), half)));
  EXPECT_EQ(refined.sizes(), at::IntArrayRef({2, 3, 16, 16}));
  EXPECT_GE(refined.min().item<double>(), 0);
  EXPECT_LE(refined.max().item<double>(), 1);
}

TEST(PictureRefinement, TakesItsShareOfTheSteps) {
  const auto model = untrained();
  const auto steps_of = [&](double strength, std::int64_t pictures) {
    std::int64_t count = 0;
    refined_pictures(model, sketches(pictures), {.strength = strength, .steps = 8},
                     [&] { ++count; });
    return count;
  };
  EXPECT_EQ(steps_of(1, 1), 8);
  EXPECT_EQ(steps_of(0.75, 1), 6);
  EXPECT_EQ(steps_of(0.001, 1), 1);
  EXPECT_EQ(steps_of(0.25, 65), 2 * 2);
}

TEST(PictureRefinement, TakesConditionsInBatches) {
  const auto model = untrained("thumbnail");
  const at::NoGradGuard no_gradient;
  // So that conditions count.
  for (const auto& [name, weight] : model.state()) {
    if (name.starts_with("conditions.vision.wide")) {
      at::Tensor(weight).copy_(
          at::randn(weight.sizes(), at::detail::createCPUGenerator(4), at::kFloat));
    }
  }
  const auto pictures = sketches(66);
  const auto conditions = describe(model, pictures);
  const RefinementSteps steps{.strength = 0.5, .steps = 4};
  const auto refined = refined_pictures(model, pictures, steps, conditions);
  const auto plain = refined_pictures(model, pictures, steps);
  EXPECT_GT((refined - plain).abs().mean().item<double>(), 1e-4);
  // Rows are those of the second batch, too.
  auto turned = conditions;
  turned.vision = conditions.vision.clone();
  turned.vision[65] = -conditions.vision[65];
  const auto other = refined_pictures(model, pictures, steps, turned);
  EXPECT_TRUE(other.narrow(0, 0, 65).equal(refined.narrow(0, 0, 65)));
  EXPECT_FALSE(other[65].equal(refined[65]));
}

TEST(PictureRefinement, RefusesOnOneLine) {
  const auto model = untrained("thumbnail");
  const auto refusal = [&](const RefinementSteps& steps, const Conditions& conditions) {
    return one_line_error([&] { refined_pictures(model, sketches(2), steps, conditions); });
  };
  refusal({.strength = 0}, {});
  refusal({.strength = 1.5}, {});
  refusal({.steps = 0}, {});
  EXPECT_EQ(refusal({}, {.vision = at::zeros({3, 192})}),
            "conditions: expected a row for each of 2 pictures, got [3, 192]");
  EXPECT_EQ(refusal({.guidance = 2}, {}), "guidance: expected 1 without conditions, got 2");
  refusal({.guidance = -1}, {.vision = at::zeros({2, 192})});
  one_line_error([&] { refined_pictures(model, at::zeros({2, 3, 8, 8}), {}); });
}

}  // namespace
}  // namespace neurosplat
