#include "neurosplat/evaluation/rotation_classifier.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "io/one_line.h"
#include "neurosplat/core/error.h"

namespace neurosplat {
namespace {

using testing::one_line_error;

constexpr std::int64_t kSide = 16;

/// Noise under a bright upper edge of some rows: what is up can be seen.
at::Tensor skies(std::int64_t count, std::uint64_t seed) {
  const auto generator = at::detail::createCPUGenerator(seed);
  auto pictures = at::rand({count, 3, kSide, kSide}, generator, at::kFloat) * 0.5;
  const auto rows = at::randint(3, 7, {count, 1, 1, 1}, generator, at::TensorOptions(at::kLong));
  const auto sky = at::arange(kSide, at::kLong).view({1, 1, kSide, 1}) < rows;
  return pictures + 0.4 * sky.to(at::kFloat);
}

const RotationOptions kEnough = {.steps = 60, .batch = 32}, kQuick = {.steps = 5, .batch = 32};

RotationClassifier trained(const at::Tensor& pictures, std::uint64_t seed = 1,
                           const RotationOptions& options = kQuick) {
  return train_rotation_classifier(pictures, options, at::detail::createCPUGenerator(seed));
}

TEST(RotationClassifier, TellsRotationsOfPicturesThatHaveAnUp) {
  const at::NoGradGuard no_gradient;  // as whoever measures has it
  const auto classifier = trained((skies(200, 2) * 255).to(at::kByte), 1, kEnough);
  EXPECT_GT(classifier.accuracy(skies(60, 3)), 0.95);
  // Noise has no up: chance is .25, four standard errors of 240 answers are .11.
  const auto noise = at::rand({60, 3, kSide, kSide}, at::detail::createCPUGenerator(4), at::kFloat);
  EXPECT_NEAR(classifier.accuracy(noise), 0.25, 0.11);
}

TEST(RotationClassifier, IsTheSameForOneSeedAndFromItsFile) {
  const auto pictures = skies(50, 5);
  const auto classifier = trained(pictures);
  const auto features = classifier.features(pictures);
  ASSERT_EQ(features.sizes(), at::IntArrayRef({50, RotationClassifier::kFeatures}));
  EXPECT_FALSE(features.requires_grad());
  EXPECT_TRUE(trained(pictures).features(pictures).equal(features));
  EXPECT_FALSE(trained(pictures, 2).features(pictures).equal(features));
  EXPECT_TRUE(RotationClassifier(classifier.save()).features(pictures).equal(features));
}

TEST(RotationClassifier, RefusesOtherFiles) {
  const auto file = trained(skies(8, 6)).save();
  const auto refused = [&](const auto& damage) {
    auto broken = file;
    for (auto& [name, tensor] : broken.tensors) tensor = tensor.clone();
    damage(broken.tensors);
    one_line_error([&] { RotationClassifier{broken}; });
  };
  refused([](auto& tensors) { tensors.erase("classes.bias"); });
  refused([](auto& tensors) { tensors["more"] = at::zeros({1}); });
  refused([](auto& tensors) { tensors["layers.1.bias"] = at::zeros({63}); });
  refused([](auto& tensors) { tensors["classes.bias"] = at::zeros({4}, at::kDouble); });
  refused([](auto& tensors) {
    tensors["layers.0.weight"][1][2][3][4] = std::numeric_limits<float>::quiet_NaN();
  });
}

TEST(RotationClassifier, RefusesWhatItCannotLearnFrom) {
  const auto generator = at::detail::createCPUGenerator(7);
  const auto pictures = skies(8, 8);
  EXPECT_THROW(train_rotation_classifier(pictures, {.steps = 0}, generator), UsageError);
  EXPECT_THROW(train_rotation_classifier(pictures, {.batch = 6}, generator), UsageError);
  one_line_error([&] { train_rotation_classifier(pictures[0], kQuick, generator); });
  one_line_error([&] { train_rotation_classifier(pictures.narrow(3, 0, 12), kQuick, generator); });
  const auto classifier = trained(pictures);
  one_line_error([&] { classifier.features(pictures.to(at::kByte)); });
  one_line_error([&] { classifier.features({}); });
  one_line_error([&] { classifier.accuracy(pictures.narrow(3, 0, 12)); });
}

}  // namespace
}  // namespace neurosplat
