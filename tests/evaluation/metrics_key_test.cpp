#include "neurosplat/evaluation/metrics_key.h"

#include <gtest/gtest.h>

namespace neurosplat {
namespace {

TEST(MetricsKey, SpellsLabelsInSmallLettersDigitsAndUnderscores) {
  EXPECT_EQ(metrics_key("iG-relu"), "ig_relu");
  EXPECT_EQ(metrics_key("Run 2.b"), "run_2_b");
  EXPECT_EQ(metrics_key("plain_09"), "plain_09");
  EXPECT_EQ(metrics_key("\xC3\xA9"), "__");  // bytes above ASCII
  EXPECT_EQ(metrics_key(""), "");
}

}  // namespace
}  // namespace neurosplat
