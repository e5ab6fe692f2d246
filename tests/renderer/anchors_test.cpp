#include "neurosplat/renderer/packets/anchors.h"

#include <gtest/gtest.h>

#include <cmath>

namespace neurosplat::packet {
namespace {

double place(double logit) {
  return 1 / (1 + std::exp(-logit));
}

TEST(Anchors, SideIsTheSmallestSquareThatHoldsAll) {
  EXPECT_EQ(anchor_side(1), 1);
  EXPECT_EQ(anchor_side(4), 2);
  EXPECT_EQ(anchor_side(5), 3);
  EXPECT_EQ(anchor_side(256), 16);
  EXPECT_EQ(anchor_side(512), 23);
  EXPECT_EQ(anchor_side(529), 23);
  EXPECT_EQ(anchor_side(530), 24);
}

// 512 packets on a 23 x 23 grid: the last 17 places stay empty, so the slow coordinate ends in a
// column of 6.
TEST(Anchors, XIsSlowAndYIsFast) {
  EXPECT_NEAR(place(anchor_logit(0, 512).x), 0.08, 1e-12);
  EXPECT_NEAR(place(anchor_logit(0, 512).y), 0.08, 1e-12);
  EXPECT_NEAR(place(anchor_logit(22, 512).x), 0.08, 1e-12);
  EXPECT_NEAR(place(anchor_logit(22, 512).y), 0.92, 1e-12);
  EXPECT_NEAR(place(anchor_logit(23, 512).x), 0.08 + 0.84 / 22, 1e-12);
  EXPECT_NEAR(place(anchor_logit(511, 512).x), 0.92, 1e-12);
  EXPECT_NEAR(place(anchor_logit(511, 512).y), 0.08 + 5 * 0.84 / 22, 1e-12);
}

}  // namespace
}  // namespace neurosplat::packet
