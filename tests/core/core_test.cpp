#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <vector>

#include "neurosplat/core/memory.h"
#include "neurosplat/core/printable.h"
#include "neurosplat/core/progress.h"
#include "neurosplat/core/text.h"

namespace neurosplat {
namespace {

TEST(Text, JoinsPartsAndFixesDecimals) {
  EXPECT_EQ(text("a ", 3, " b ", 0.5), "a 3 b 0.5");
  EXPECT_EQ(fixed(3.14159, 2), "3.14");
  EXPECT_EQ(fixed(-0.5, 3), "-0.500");
}

TEST(Printable, EscapesAndCuts) {
  EXPECT_EQ(printable("plain text"), "plain text");
  EXPECT_EQ(printable(std::string("a\nb\0\x1b[2J\x7f\xc3\xa4", 11)),
            "a\\x0ab\\x00\\x1b[2J\\x7f\\xc3\\xa4");
  EXPECT_EQ(printable(std::string(80, 'x')), std::string(80, 'x'));
  EXPECT_EQ(printable(std::string(81, 'x')), std::string(80, 'x') + "...");
  EXPECT_EQ(printable_list({}), "");
  EXPECT_EQ(printable_list({"a", "b\n"}), "a, b\\x0a");
  const auto many = printable_list(std::vector<std::string>(53, "c"));
  EXPECT_TRUE(many.ends_with("c, c and 3 more")) << many;
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
