#include "systems/spike_decoder/picture_clusters.h"

#include <gtest/gtest.h>

#include "neurosplat/core/error.h"
#include "systems/spike_decoder/planted.h"

namespace neurosplat {
namespace {

/// Noise round four pictures that are far apart: the planted clusters, whatever they are called.
TEST(PictureClusters, FindsPicturesThatLookAlike) {
  const auto kinds = at::randint(256, {4, 3, 8, 8}, at::detail::createCPUGenerator(1),
                                 at::TensorOptions(at::kFloat));
  const auto kind = at::arange(40, at::kLong).remainder(4);
  const auto noisy = kinds.index_select(0, kind).repeat_interleave(2, 2).repeat_interleave(2, 3) +
                     5 * testing::noise({40, 3, 16, 16}, 2);
  const auto pictures = noisy.clamp(0, 255).to(at::kByte);
  const auto cluster = picture_clusters(pictures, 4, 3);
  const auto same = [](const at::Tensor& numbers) {
    return numbers.unsqueeze(0).eq(numbers.unsqueeze(1));
  };
  EXPECT_TRUE(same(cluster).equal(same(kind)));
  EXPECT_TRUE(cluster.equal(picture_clusters(pictures, 4, 3)));
  EXPECT_EQ(picture_clusters(pictures, 1, 3).max().item<std::int64_t>(), 0);
  EXPECT_THROW(picture_clusters(pictures, 41, 3), UsageError);
}

}  // namespace
}  // namespace neurosplat
