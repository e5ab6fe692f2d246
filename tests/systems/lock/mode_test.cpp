#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <optional>

#include "neurosplat/core/error.h"
#include "neurosplat/systems/lock/commands.h"

namespace neurosplat::apps {
namespace {

TEST(LockMode, LocksWithAModelAndNeedsOne) {
  const auto mode = lock_mode();
  EXPECT_EQ(mode.name, "lock");
  EXPECT_THROW(mode.make(std::nullopt), Error);
  const auto actions = mode.make(SplatVae({32, 16, 8}, 1));
  const Frame frame = {at::full({3, 48, 48}, 100, at::kByte), ""};
  const auto seen = actions.see(frame);
  EXPECT_EQ(seen.panels.sizes(), at::IntArrayRef({3, 64, 6 * 32}));
  actions.reset();
}

}  // namespace
}  // namespace neurosplat::apps
