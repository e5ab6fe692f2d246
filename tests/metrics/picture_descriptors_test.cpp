#include "neurosplat/metrics/picture_descriptors.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include "io/one_line.h"
#include "neurosplat/core/error.h"
#include "neurosplat/metrics/feature_network.h"
#include "neurosplat/metrics/random_features.h"

namespace neurosplat {
namespace {

at::Tensor noise(at::IntArrayRef size, std::uint64_t seed) {
  return at::rand(size, at::detail::createCPUGenerator(seed), at::TensorOptions(at::kFloat));
}

TEST(PictureDescriptors, ThumbnailIsTheMeanColourOfEachArea) {
  const auto pictures = noise({2, 3, 32, 16}, 1);
  const auto rows = PictureDescriptor("thumbnail")(pictures);
  ASSERT_EQ(rows.sizes(), at::IntArrayRef({2, 192}));
  const auto values = pictures.accessor<float, 4>();
  for (const std::int64_t number : {0, 7, 64 + 9, 128 + 63}) {
    const auto channel = number / 64, top = number % 64 / 8 * 4, left = number % 8 * 2;
    double sum = 0;
    for (std::int64_t y = 0; y < 4; ++y) {
      for (std::int64_t x = 0; x < 2; ++x) sum += values[1][channel][top + y][left + x];
    }
    EXPECT_NEAR(rows[1][number].item<double>(), sum / 8, 1e-6) << number;
  }
}

// The first layer by hand: 5 x 5, stride 2, two zeros around, pictures in [-1, 1].
TEST(PictureDescriptors, StatisticsAreMeansAndDeviationsOfRandomMaps) {
  const auto pictures = noise({3, 3, 16, 16}, 2);
  const auto rows = PictureDescriptor("statistics")(pictures);
  ASSERT_EQ(rows.sizes(), at::IntArrayRef({3, 448}));
  EXPECT_TRUE(rows.equal(RandomFeatures(0)(pictures)));
  const auto weight =
      at::randn({32, 3, 5, 5}, at::detail::createCPUGenerator(0), at::TensorOptions(at::kDouble)) *
      std::sqrt(2.0 / 75);
  const auto padded = at::constant_pad_nd(2 * pictures[1].to(at::kDouble) - 1, {2, 2, 2, 2});
  const auto map = at::zeros({8, 8}, at::kDouble);
  for (std::int64_t y = 0; y < 8; ++y) {
    for (std::int64_t x = 0; x < 8; ++x) {
      const auto window = padded.narrow(1, 2 * y, 5).narrow(2, 2 * x, 5);
      map[y][x] = (window * weight[17]).sum().clamp_min(0);
    }
  }
  EXPECT_NEAR(rows[1][17].item<double>(), map.mean().item<double>(), 1e-5);
  EXPECT_NEAR(rows[1][32 + 17].item<double>(), map.std(false).item<double>(), 1e-5);
}

// But for what the maps see of the borders.
TEST(PictureDescriptors, StatisticsHardlySayWhere) {
  const auto picture = at::zeros({1, 3, 32, 32});
  auto left = picture.clone(), right = picture.clone();
  left.narrow(2, 8, 8).narrow(3, 8, 8).fill_(1);
  right.narrow(2, 16, 8).narrow(3, 16, 8).fill_(1);
  const PictureDescriptor statistics("statistics"), thumbnail("thumbnail");
  EXPECT_LT((statistics(left) - statistics(right)).norm().item<double>(),
            0.25 * (statistics(left) - statistics(picture)).norm().item<double>());
  EXPECT_GT((thumbnail(left) - thumbnail(right)).norm().item<double>(),
            (thumbnail(left) - thumbnail(picture)).norm().item<double>());
}

TEST(PictureDescriptors, Lite0IsTheNetworksPooledMaps) {
  try {
    feature_network_file();
  } catch (const Error& error) {
    GTEST_SKIP() << "SKIPPED: no weights of EfficientNet-Lite0 (scripts/setup.sh --features): "
                 << error.what();
  }
  const auto pictures = noise({2, 3, 16, 16}, 3);
  const FeatureNetwork network(feature_network_file());
  const auto rows = PictureDescriptor("lite0")(pictures);
  ASSERT_EQ(rows.sizes(), at::IntArrayRef({2, picture_descriptor_size("lite0")}));
  EXPECT_TRUE(at::allclose(rows, network.maps(network.prepare(pictures)).mean({2, 3})));
}

TEST(PictureDescriptors, RefuseWhatIsNoPictureAndNoName) {
  const PictureDescriptor thumbnail("thumbnail");
  testing::one_line_error([&] { thumbnail({}); });
  testing::one_line_error([&] { thumbnail(noise({2, 3, 7, 16}, 1)); });
  testing::one_line_error([&] { thumbnail(at::zeros({2, 3, 16, 16}, at::kByte)); });
  EXPECT_THROW(PictureDescriptor("caption"), UsageError);
  EXPECT_THROW(picture_descriptor_size("none"), UsageError);
  for (const auto& name : picture_descriptor_names()) EXPECT_GT(picture_descriptor_size(name), 0);
}

}  // namespace
}  // namespace neurosplat
