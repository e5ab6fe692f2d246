#include "neurosplat/systems/splat_vae/data_set_options.h"

#include <gtest/gtest.h>

#include "neurosplat/core/error.h"
#include "support/command.h"

namespace neurosplat::apps {
namespace {

/// What the file of a model alone says, without its run's config.json.
TrainedOn trained_on_large() {
  TrainedOn trained;
  trained.dataset = "flowers-large";
  trained.splits = {"train"};
  trained.split_seed = 0;
  return trained;
}

// Most test pictures of one protocol are training pictures of the other.
TEST(MeasuredSplit, KnowsTheFlowersOfTheOtherProtocol) {
  const auto root = testing::shared_folder("data/flowers-102");
  if (!root) GTEST_SKIP() << "needs Flowers-102 in ../shared/data/flowers-102";
  DataSetOptions options;
  options.data = *root;
  options.dataset = "flowers";
  try {
    open_measured_split(options, trained_on_large());
    FAIL() << "trained pictures pass for held-out ones";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("of the 5849 pictures"), std::string::npos)
        << error.what();
  }
  options.allow_trained_on = true;
  EXPECT_EQ(open_measured_split(options, trained_on_large()).held_out, HeldOut::no);
  options.allow_trained_on = false;
  options.dataset = "flowers-large";
  EXPECT_EQ(open_measured_split(options, trained_on_large()).held_out, HeldOut::yes);
}

}  // namespace
}  // namespace neurosplat::apps
