#include "neurosplat/live/mode_switch.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <string>

namespace neurosplat::apps {
namespace {

const Frame kFrame = {at::arange(3 * 48 * 48).remainder(251).to(at::kByte).view({3, 48, 48}), ""};

ModeActions first_mode(int& resets) {
  return {[](const Frame&) {
            return SeenFrame{.panels = at::zeros({3, 8, 8}), .numbers = {1.0}, .note = "first"};
          },
          [&resets] { ++resets; }};
}

TEST(ModeSwitch, StartsInTheFirstMode) {
  int resets = 0;
  ModeSwitch modes(Mode::saccade, first_mode(resets), std::nullopt);
  const auto seen = modes.see(kFrame);
  EXPECT_EQ(seen.title, "saccade");
  EXPECT_EQ(seen.note, "first");
  EXPECT_EQ(seen.numbers.size(), 1U);
  modes.reset();
  EXPECT_EQ(resets, 1);
}

TEST(ModeSwitch, SaysWhichModesNeedAModel) {
  int resets = 0;
  ModeSwitch modes(Mode::agreement, first_mode(resets), std::nullopt);
  for (const auto mode : {Mode::lock, Mode::saccade}) {
    modes.choose(mode);
    const auto seen = modes.see(kFrame);
    EXPECT_EQ(seen.title, "agreement");
    EXPECT_EQ(seen.note, std::string("first; no ") + name_of(mode) + " without --model");
  }
  modes.choose(Mode::temporal);
  const auto seen = modes.see(kFrame);
  EXPECT_EQ(seen.title, "temporal");
  EXPECT_TRUE(seen.numbers.empty());
  EXPECT_EQ(seen.note.find("--model"), std::string::npos);
  modes.reset();
  EXPECT_EQ(resets, 0);
}

TEST(ModeSwitch, EveryModeIsThereWithAModel) {
  int resets = 0;
  ModeSwitch modes(Mode::temporal, first_mode(resets), SplatVae({32, 16, 8}, 1));
  for (const auto mode : {Mode::lock, Mode::agreement, Mode::saccade}) {
    modes.choose(mode);
    const auto seen = modes.see(kFrame);
    EXPECT_EQ(seen.title, name_of(mode));
    EXPECT_GT(seen.panels.size(2), 8);
    modes.reset();
  }
  modes.choose(Mode::temporal);
  EXPECT_EQ(modes.see(kFrame).numbers.size(), 1U);
}

}  // namespace
}  // namespace neurosplat::apps
