#include "neurosplat/systems/patch_flow/patch_flow_config.h"

#include <gtest/gtest.h>

#include "neurosplat/core/error.h"

namespace neurosplat {
namespace {

TEST(PatchFlowConfig, PresetsGiveTheNetworkAndFlagsTheRest) {
  PatchFlowConfig config;
  EXPECT_EQ(config.architecture(), patch_flow_preset("small", "splats"));
  config.preset = "author";
  EXPECT_EQ(config.architecture(), patch_flow_preset("author", "splats"));
  EXPECT_EQ(config.architecture().depth_gain, 1);
  config.kernel = "cosine";
  config.sharing = "own";
  config.depth_gain = 0.25;
  config.width = 128;
  const auto changed = config.architecture();
  EXPECT_EQ(changed.kernel, patches::Kernel::kCosine);
  EXPECT_EQ(changed.sharing, patches::Sharing::kOwn);
  EXPECT_EQ(changed.depth_gain, 0.25);
  EXPECT_EQ(changed.heads, 2);
}

TEST(PatchFlowConfig, RateRisesStaysAndFallsAtTheEnd) {
  PatchFlowConfig config;
  config.lr_warmup = 10;
  config.lr_decay = 0.3;
  config.lr_floor = 0.02;
  EXPECT_DOUBLE_EQ(learning_rate_share(config, 0, 1000), 0.1);
  EXPECT_DOUBLE_EQ(learning_rate_share(config, 9, 1000), 1);
  EXPECT_DOUBLE_EQ(learning_rate_share(config, 700, 1000), 1);
  EXPECT_DOUBLE_EQ(learning_rate_share(config, 850, 1000), 0.51);
  EXPECT_DOUBLE_EQ(learning_rate_share(config, 1000, 1000), 0.02);
  EXPECT_DOUBLE_EQ(learning_rate_share(config, 5000, 1000), 0.02);
  config.lr_decay = 0;
  EXPECT_DOUBLE_EQ(learning_rate_share(config, 999, 1000), 1);
}

TEST(PatchFlowConfig, RefusesWhatCannotBe) {
  PatchFlowConfig config;
  config.image_size = 60;
  EXPECT_THROW(check(config), UsageError);
  config = {};
  config.kernel = "square";
  EXPECT_THROW(check(config), UsageError);
  config = {};
  config.width = 66;
  EXPECT_THROW(check(config), UsageError);
  config = {};
  config.vision = "caption";
  EXPECT_THROW(check(config), UsageError);
  config.vision = "thumbnail";
  EXPECT_NO_THROW(check(config));
  config.preset = "author";
  EXPECT_THROW(check(config), UsageError);
  config = {};
  config.average = 1;
  EXPECT_THROW(check(config), UsageError);
}

}  // namespace
}  // namespace neurosplat
