#include "neurosplat/live/mode_switch.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "neurosplat/core/error.h"

namespace neurosplat {
namespace {

const Frame kFrame = {at::zeros({3, 8, 8}, at::kByte), ""};

/// Notes its name and how often it was reset.
struct Eye {
  std::string name;
  int resets = 0;

  SeenFrame see(const Frame&) const {
    return {.panels = at::zeros({3, 8, 8}), .numbers = {1.0}, .note = text_of()};
  }
  void reset() { ++resets; }

 private:
  std::string text_of() const { return name + " " + std::to_string(resets); }
};

LiveMode mode(const std::string& name, int& made) {
  return {name, [name, &made] {
            ++made;
            return actions_of(std::make_shared<Eye>(Eye{name}));
          }};
}

LiveMode missing(const std::string& name) {
  return {name, []() -> ModeActions { throw Error("no model"); }};
}

TEST(ModeSwitch, StartsInTheFirstModeAsItWasGiven) {
  int made = 0;
  const auto first = std::make_shared<Eye>(Eye{"given"});
  ModeSwitch modes({mode("a", made), mode("b", made)}, "b", actions_of(first));
  EXPECT_EQ(modes.first(), "b");
  const auto seen = modes.see(kFrame);
  EXPECT_EQ(seen.title, "b");
  EXPECT_EQ(seen.note, "given 0");
  EXPECT_EQ(seen.numbers.size(), 1U);
  modes.reset();
  EXPECT_EQ(first->resets, 1);
  EXPECT_EQ(made, 0);
}

TEST(ModeSwitch, MakesAModeOnceAndKeepsWhatItRemembers) {
  int made = 0;
  const auto first = std::make_shared<Eye>(Eye{"given"});
  ModeSwitch modes({mode("a", made), mode("b", made)}, "b", actions_of(first));
  modes.choose(0);
  auto seen = modes.see(kFrame);
  EXPECT_EQ(seen.title, "a");
  EXPECT_TRUE(seen.numbers.empty());  // the columns are the first mode's
  modes.reset();
  modes.choose(1);
  EXPECT_EQ(modes.see(kFrame).numbers.size(), 1U);
  modes.choose(0);
  EXPECT_EQ(modes.see(kFrame).note, "a 1");
  EXPECT_EQ(made, 1);
  EXPECT_EQ(first->resets, 0);
}

TEST(ModeSwitch, SaysWhyAModeCannotBeHad) {
  int made = 0;
  ModeSwitch modes({missing("a"), mode("b", made)}, "b",
                   actions_of(std::make_shared<Eye>(Eye{"given"})));
  modes.choose(0);
  const auto seen = modes.see(kFrame);
  EXPECT_EQ(seen.title, "b");
  EXPECT_EQ(seen.note, "given 0; no model");
  modes.choose(1);
  EXPECT_EQ(modes.see(kFrame).note, "given 0");
}

TEST(ModeSwitch, RefusesAFirstModeThatIsNotThere) {
  int made = 0;
  EXPECT_THROW(ModeSwitch({mode("a", made)}, "b", {}), Error);
}

}  // namespace
}  // namespace neurosplat
