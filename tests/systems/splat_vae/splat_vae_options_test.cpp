#include <gtest/gtest.h>

#include "neurosplat/core/error.h"
#include "neurosplat/systems/splat_vae/splat_vae_config.h"
#include "training/well_described.h"

namespace neurosplat {
namespace {

TEST(SplatVaeOptions, AreDescribedOnceAndByThemselves) {
  testing::expect_well_described<SplatVaeConfig>();
}

TEST(SplatVaeOptions, SayWhichIsOutOfItsRange) {
  SplatVaeConfig config;
  config.threads = 1025;
  try {
    check_ranges(config);
    FAIL() << "expected a UsageError";
  } catch (const UsageError& error) {
    EXPECT_STREQ(error.what(), "threads: expected 0 to 1024, got 1025");
  }
}

}  // namespace
}  // namespace neurosplat
