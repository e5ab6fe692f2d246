#include "systems/splat_vae/drawing_memory.h"

#include <gtest/gtest.h>

namespace neurosplat::apps {
namespace {

constexpr std::uint64_t kGigabyte = 1'000'000'000;

TEST(DrawingMemory, DrawsFewLargePicturesAtATime) {
  for (const bool dense : {false, true}) {
    EXPECT_EQ(pictures_at_a_time(128, dense), 64);
    EXPECT_EQ(pictures_at_a_time(4096, dense), 1);
    EXPECT_LT(drawing_bytes(dense)(4096), 5 * kGigabyte);
    EXPECT_GT(drawing_bytes(dense)(4096), kGigabyte);
  }
  EXPECT_EQ(packets_at_a_time(128), 64);
  EXPECT_EQ(packets_at_a_time(1024), 64);
  EXPECT_EQ(packets_at_a_time(4096), 4);
}

}  // namespace
}  // namespace neurosplat::apps
