#include "neurosplat/systems/splat_vae/live_model.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "neurosplat/core/error.h"

namespace neurosplat::apps {
namespace {

TEST(ModelModes, AreMadeOfTheModelThereIs) {
  std::int64_t latent = 0;
  const std::vector<ModelMode> modes = {
      {"needs one", [&](const std::optional<SplatVae>& model) -> ModeActions {
         latent = needed_model(model, "needs one").architecture().latent;
         return {};
       }}};
  EXPECT_EQ(names_of(modes), std::vector<std::string>{"needs one"});
  const auto with = with_model(modes, SplatVae({32, 16, 8}, 1));
  ASSERT_EQ(with.size(), 1U);
  EXPECT_EQ(with[0].name, "needs one");
  with[0].make();
  EXPECT_EQ(latent, 8);
  const auto without = with_model(modes, std::nullopt);
  try {
    without[0].make();
    ADD_FAILURE() << "expected an Error, got none";
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()), "no needs one without --model");
  }
}

}  // namespace
}  // namespace neurosplat::apps
