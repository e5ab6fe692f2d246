#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "neurosplat/live/mode_switch.h"
#include "neurosplat/systems/cortex/commands.h"
#include "neurosplat/systems/splat_vae/live_model.h"

namespace neurosplat::apps {
namespace {

const Frame kFrame = {at::arange(3 * 48 * 48).remainder(251).to(at::kByte).view({3, 48, 48}), ""};

ModeSwitch switch_with(const std::optional<SplatVae>& model) {
  const std::vector<ModelMode> modes = {
      {"first", [](const std::optional<SplatVae>&) { return ModeActions(); }},
      agreement_mode(),
      saccade_mode(),
      temporal_mode()};
  return {with_model(modes, model), "first", {[](const Frame&) {
            return SeenFrame{.panels = at::zeros({3, 8, 8}), .numbers = {1.0}, .note = "first"};
          }}};
}

const std::vector<std::string> kNames = {"first", "agreement", "saccade", "temporal"};

TEST(CortexModes, OnlySaccadesNeedAModel) {
  auto modes = switch_with(std::nullopt);
  modes.choose(2);
  EXPECT_EQ(modes.see(kFrame).note, "first; no saccade without --model");
  for (const std::size_t place : {1U, 3U}) {
    modes.choose(place);
    const auto seen = modes.see(kFrame);
    EXPECT_EQ(seen.title, kNames[place]);
    EXPECT_TRUE(seen.numbers.empty());
    EXPECT_EQ(seen.note.find("--model"), std::string::npos);
    modes.reset();
  }
}

TEST(CortexModes, AllAreThereWithAModel) {
  auto modes = switch_with(SplatVae({32, 16, 8}, 1));
  for (const std::size_t place : {1U, 2U, 3U}) {
    modes.choose(place);
    const auto seen = modes.see(kFrame);
    EXPECT_EQ(seen.title, kNames[place]);
    EXPECT_GT(seen.panels.size(2), 8);
    modes.reset();
  }
}

}  // namespace
}  // namespace neurosplat::apps
