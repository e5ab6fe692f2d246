#include "neurosplat/metrics/random_features.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <cmath>

#include "io/one_line.h"

namespace neurosplat {
namespace {

using testing::one_line_error;

at::Tensor noise(at::IntArrayRef size, std::uint64_t seed) {
  return at::rand(size, at::detail::createCPUGenerator(seed), at::TensorOptions(at::kFloat));
}

double distance(const at::Tensor& one, const at::Tensor& other) {
  return (one - other).abs().max().item<double>();
}

TEST(RandomFeatures, AreOfTheSeedAndOfEachPicture) {
  const auto pictures = noise({70, 3, 32, 40}, 1);
  const RandomFeatures space(5);
  const auto features = space(pictures);
  ASSERT_EQ(features.sizes(), at::IntArrayRef({70, RandomFeatures::kFeatures}));
  ASSERT_EQ(features.scalar_type(), at::kFloat);
  EXPECT_TRUE(RandomFeatures(5)(pictures).equal(features));
  EXPECT_GT(distance(RandomFeatures(6)(pictures), features), 0.1);
  for (const std::int64_t k : {0, 63, 64, 69})
    EXPECT_LT(distance(space(pictures.narrow(0, k, 1))[0], features[k]), 1e-5);
  EXPECT_GT(distance(features[0], features[1]), 1e-2);
}

// By ReLU half of a symmetric input's power is lost, which the weights make up for: white noise of
// power 1/3 has second moments of 1/3 in every layer, those of mean and deviation together.
TEST(RandomFeatures, KeepThePowerOfWhiteNoise) {
  const auto features = RandomFeatures(2)(noise({40, 3, 128, 128}, 3)).to(at::kDouble);
  std::int64_t first = 0;
  for (const std::int64_t channels : {32, 64, 128}) {
    const auto mean = features.narrow(1, first, channels);
    const auto deviation = features.narrow(1, first + channels, channels);
    const double power = (mean.square() + deviation.square()).mean().item<double>();
    EXPECT_NEAR(power, 1.0 / 3, 0.12) << channels;
    first += 2 * channels;
  }
}

TEST(RandomFeatures, TellSharpPicturesFromBlurredOnes) {
  const auto sharp = noise({8, 3, 64, 64}, 4);
  const auto blurred = at::avg_pool2d(sharp, 3, 1, 1);
  const RandomFeatures space;
  const auto features = space(sharp);
  const double between = (space(blurred) - features).norm(2, 1).mean().item<double>();
  const double among = (features - features.flip(0)).norm(2, 1).mean().item<double>();
  EXPECT_GT(between, 5 * among);
}

TEST(RandomFeatures, RefuseWhatIsNoPicture) {
  const RandomFeatures space;
  one_line_error([&] { space({}); });
  one_line_error([&] { space(noise({3, 16, 16}, 1)); });
  one_line_error([&] { space(noise({2, 1, 16, 16}, 1)); });
  one_line_error([&] { space(noise({2, 3, 7, 16}, 1)); });
  one_line_error([&] { space(at::zeros({2, 3, 16, 16}, at::kByte)); });
}

}  // namespace
}  // namespace neurosplat
