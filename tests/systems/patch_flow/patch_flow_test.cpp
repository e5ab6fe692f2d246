#include "neurosplat/systems/patch_flow/patch_flow.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <string>

#include "neurosplat/core/error.h"

namespace neurosplat {
namespace {

at::Tensor pictures(std::int64_t count, std::int64_t side) {
  return at::randn({count, 3, side, side}, at::detail::createCPUGenerator(1), at::kFloat);
}

std::string refusal(const PatchFlowArchitecture& sizes) {
  try {
    check(sizes);
  } catch (const UsageError& error) {
    return error.what();
  }
  return {};
}

TEST(PatchFlow, AuthorsHasThePublishedCountOfParameters) {
  EXPECT_EQ(PatchFlow(patch_flow_preset("author", "splats")).parameter_count(), 25'846'752);
}

TEST(PatchFlow, SmallIsTheTriedRecipesSize) {
  // 768 to 192 with a bias, positions, time, two modulations and the head; then six blocks.
  constexpr std::int64_t kOutside =
      (768 * 192 + 192) + 64 * 192 + (128 * 192 + 192) + (192 * 1152 + 1152) + (192 * 384 + 384);
  constexpr std::int64_t kBlock =
      (9 * 192 + 192) + 192 * 576 + 192 * 192 + 192 * 1024 + 512 * 192 + 2 * 64 + 6 * 192;
  EXPECT_EQ(PatchFlow(patch_flow_preset("small", "pixels")).parameter_count(),
            kOutside + 6 * kBlock + 193 * 192);
  EXPECT_EQ(PatchFlow(patch_flow_preset("small", "splats")).parameter_count(),
            kOutside + 6 * kBlock + 193 * 144);
}

TEST(PatchFlow, DrawsAtAnySizeFromSplatsAndAtOneFromPixels) {
  const PatchFlow splats({.image_size = 16, .width = 32, .depth = 1, .heads = 1, .hidden = 16});
  const auto predicted = splats.predict(pictures(2, 16), at::rand({2}));
  EXPECT_EQ(predicted.sizes(), at::IntArrayRef({2, 2, 2, 144}));
  EXPECT_EQ(splats.draw(predicted).sizes(), at::IntArrayRef({2, 3, 16, 16}));
  EXPECT_EQ(splats.draw(predicted, 5).sizes(), at::IntArrayRef({2, 3, 10, 10}));

  const PatchFlow pixels(
      {.image_size = 16, .width = 32, .depth = 1, .heads = 1, .hidden = 16, .head = "pixels"});
  const auto numbers = at::arange(2 * 2 * 192, at::kFloat).view({1, 2, 2, 192});
  const auto drawn = pixels.draw(numbers);
  // Token (1, 0), channel 2, row 3, column 5 of its patch.
  EXPECT_EQ(drawn[0][2][8 + 3][5].item<float>(), 2 * 192 + 2 * 64 + 3 * 8 + 5);
  EXPECT_THROW(pixels.draw(numbers, 16), UsageError);
}

// Untrained, pictures are nearly the same whatever the noise: the head's weights are small.
TEST(PatchFlow, ModulatedStartsFromItsGridOfSplats) {
  for (const auto kernel : {patches::Kernel::kCosine, patches::Kernel::kSharp}) {
    const PatchFlow model({.image_size = 32, .kernel = kernel, .depth_gain = 0.125});
    const auto drawn = model.clean(pictures(2, 32), at::rand({2}));
    EXPECT_TRUE(drawn.isfinite().all().item<bool>());
    const auto difference = (drawn[0] - drawn[1]).abs().mean().item<double>();
    EXPECT_GT(difference, 1e-4);
    EXPECT_LT(difference, 0.3);
  }
}

TEST(PatchFlow, RefusesWhatItIsNotMadeFor) {
  const PatchFlow model({.image_size = 16, .width = 32, .depth = 1, .heads = 1, .hidden = 16});
  EXPECT_THROW(model.predict(pictures(2, 24), at::rand({2})), UsageError);
  EXPECT_THROW(model.predict(pictures(2, 16), at::rand({3})), UsageError);
  EXPECT_EQ(refusal({.image_size = 60}),
            "image_size: expected a multiple of the patch, 8 pixels, got 60");
  EXPECT_EQ(refusal({.patch = 9}),
            "image_size: expected a multiple of the patch, 9 pixels, got 64");
  EXPECT_EQ(refusal({.image_size = 63, .patch = 9}),
            "patch: expected an even number of pixels, got 9");
  EXPECT_EQ(refusal({.width = 100}),
            "width: expected a multiple of 4 channels for each of the 3 heads, got 100");
  EXPECT_EQ(refusal({.splats = 15}), "splats: expected a square number, got 15");
  EXPECT_EQ(refusal({.network = "unet"}), "network: expected author or modulated, got 'unet'");
}

TEST(PatchFlow, RefusesOtherWeights) {
  const PatchFlow model({.image_size = 16, .width = 32, .depth = 1, .heads = 1, .hidden = 16});
  auto state = model.state();
  state["stray"] = at::zeros({1});
  EXPECT_THROW(model.load_state(state), Error);
  state.erase("stray");
  state["head.bias"] = at::zeros({3});
  EXPECT_THROW(model.load_state(state), Error);
  state.erase("head.bias");
  EXPECT_THROW(model.load_state(state), Error);
}

}  // namespace
}  // namespace neurosplat
