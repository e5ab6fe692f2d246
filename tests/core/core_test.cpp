#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>

#include "neurosplat/core/memory.h"
#include "neurosplat/core/progress.h"
#include "neurosplat/core/text.h"

namespace neurosplat {
namespace {

TEST(Text, JoinsPartsAndFixesDecimals) {
  EXPECT_EQ(text("a ", 3, " b ", 0.5), "a 3 b 0.5");
  EXPECT_EQ(fixed(3.14159, 2), "3.14");
  EXPECT_EQ(fixed(-0.5, 3), "-0.500");
}

TEST(Progress, TellsTimeAsAClock) {
  EXPECT_EQ(clock_text(0), "0:00");
  EXPECT_EQ(clock_text(7.4), "0:07");
  EXPECT_EQ(clock_text(59.6), "1:00");
  EXPECT_EQ(clock_text(3599), "59:59");
  EXPECT_EQ(clock_text(11045), "3:04:05");
  EXPECT_EQ(clock_text(-3), "0:00");
}

TEST(Memory, WhatIsAvailableIsNoMoreThanTheMachineHas) {
  EXPECT_GT(available_memory(), 1'000'000U);
  const auto pages = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES));
  EXPECT_LE(available_memory(), pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)));
}

}  // namespace
}  // namespace neurosplat
