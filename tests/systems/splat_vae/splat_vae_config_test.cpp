#include "neurosplat/systems/splat_vae/splat_vae_config.h"
#include "neurosplat/training/picture_batches.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <numbers>

#include "neurosplat/core/error.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

using nlohmann::json;

TEST(SplatVaeConfig, DefaultsAreTheReferences) {
  const SplatVaeConfig config;
  EXPECT_EQ(config.dataset, "flowers");
  EXPECT_EQ(config.data, "./data");
  EXPECT_EQ(config.out, "./runs/splat");
  EXPECT_EQ(config.image_size, 64);
  EXPECT_EQ(config.num_packets, 256);
  EXPECT_EQ(config.latent, 128);
  EXPECT_EQ(config.batch, 64);
  EXPECT_EQ(config.epochs, 200);
  EXPECT_EQ(config.lr, 2e-4);
  EXPECT_EQ(config.beta, 1.0);
  EXPECT_EQ(config.beta_warmup, 10);
  EXPECT_EQ(config.chunk, 64);
  EXPECT_EQ(config.workers, 4);
  check(config);
}

TEST(SplatVaeConfig, BetaRampsLinearly) {
  SplatVaeConfig config;
  config.beta = 0.001;
  EXPECT_DOUBLE_EQ(beta_in_epoch(config, 0), 0.0001);
  EXPECT_DOUBLE_EQ(beta_in_epoch(config, 4), 0.0005);
  EXPECT_DOUBLE_EQ(beta_in_epoch(config, 9), 0.001);
  EXPECT_DOUBLE_EQ(beta_in_epoch(config, 150), 0.001);
}

TEST(SplatVaeConfig, CosineScheduleEndsAtOnePercent) {
  SplatVaeConfig config;
  config.lr_schedule = "cosine";
  config.epochs = 11;
  config.lr = 1e-3;
  EXPECT_DOUBLE_EQ(learning_rate_in_epoch(config, 0), 1e-3);
  EXPECT_NEAR(learning_rate_in_epoch(config, 5), 1e-3 * 0.505, 1e-12);
  EXPECT_NEAR(learning_rate_in_epoch(config, 10), 1e-5, 1e-15);
}

// Runs go on bit by bit after an update of the program: the formulas that stood in the
// configuration before there were schedules.
TEST(SplatVaeConfig, RatesAndWeightsAreTheFormulasBitByBit) {
  SplatVaeConfig config;
  config.lr_schedule = "cosine";
  config.lr = 3e-4;
  config.beta = 0.3;
  for (const std::int64_t epochs : {1, 2, 3, 11, 77, 150}) {
    config.schedule_epochs = epochs;
    config.beta_warmup = static_cast<int>(epochs);
    for (std::int64_t epoch = 0; epoch < 200; ++epoch) {
      const double progress = static_cast<double>(epoch) / static_cast<double>(epochs - 1);
      const double wave = 0.5 * (1.0 + std::cos(std::numbers::pi * std::min(1.0, progress)));
      const double rate = epochs == 1 ? config.lr : config.lr * (0.01 + (1.0 - 0.01) * wave);
      EXPECT_EQ(learning_rate_in_epoch(config, epoch), rate) << epoch << " of " << epochs;
      const double ramp = static_cast<double>(epoch + 1) / static_cast<double>(epochs);
      EXPECT_EQ(beta_in_epoch(config, epoch), config.beta * std::min(1.0, ramp));
    }
  }
  config.lr_schedule = "constant";
  EXPECT_EQ(learning_rate_in_epoch(config, 10), config.lr);
}

TEST(SplatVaeConfig, TheScheduleKeepsItsLengthWhateverTheEpochs) {
  SplatVaeConfig config;
  config.lr_schedule = "cosine";
  config.epochs = 11;
  config.lr = 1e-3;
  settle_schedule(config);
  EXPECT_EQ(config.schedule_epochs, 11);
  config.epochs = 40;
  settle_schedule(config);
  EXPECT_EQ(config.schedule_epochs, 11);
  EXPECT_NEAR(learning_rate_in_epoch(config, 5), 1e-3 * 0.505, 1e-12);
  for (const int epoch : {10, 11, 39}) {
    EXPECT_NEAR(learning_rate_in_epoch(config, epoch), 1e-5, 1e-15);
  }
}

TEST(SplatVaeConfig, ReadsAndWritesEveryOption) {
  SplatVaeConfig config;
  read_options(config, json::parse(R"({"image-size": 32, "lr": 1, "splits": ["train"],
                                       "out": "some/where", "flip": true})"),
               "test");
  EXPECT_EQ(config.image_size, 32);
  EXPECT_EQ(config.lr, 1.0);
  EXPECT_EQ(config.splits, std::vector<std::string>{"train"});
  EXPECT_EQ(config.out, "some/where");
  EXPECT_TRUE(config.flip);
  const auto written = write_options(config);
  SplatVaeConfig again;
  read_options(again, written, "test");
  EXPECT_EQ(write_options(again), written);
}

TEST(SplatVaeConfig, RefusesUnknownKeysAndOtherKinds) {
  for (const char* bad :
       {R"({"image_sise": 32})", R"({"epochs": "ten"})", R"({"epochs": 1.5})", R"({"lr": "fast"})",
        R"({"flip": 1})", R"({"splits": "train"})", R"({"splits": [1]})", R"({"out": 3})",
        R"({"threads": 99999999999})", R"({"epochs": 18446744073709551615})",
        R"({"epochs": 9223372036854775808})", R"({"epochs": 1e30})", R"({"epochs": true})",
        R"({"lr": false})", R"([1])", R"(3)"}) {
    SplatVaeConfig config;
    EXPECT_THROW(read_options(config, json::parse(bad), "test"), UsageError) << bad;
  }
}

TEST(SplatVaeConfig, SaysWhichOptionOfWhichFileIsWrong) {
  SplatVaeConfig config;
  try {
    read_options(config, json::parse(R"({"threads": 2147483648})"), "some.json");
    FAIL() << "expected a UsageError";
  } catch (const UsageError& error) {
    EXPECT_STREQ(error.what(),
                 "some.json: option 'threads' expects an integer from -2147483648 to 2147483647, "
                 "got 2147483648");
  }
  read_options(config, json::parse(R"({"epochs": 9223372036854775807})"), "some.json");
  EXPECT_EQ(config.epochs, std::numeric_limits<std::int64_t>::max());
  const testing::TemporaryFolder folder;
  std::ofstream(folder / "big.json") << R"({"lr": 1e999})";
  try {
    read_json_file(folder / "big.json");
    FAIL() << "expected an Error";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("big.json"), std::string::npos) << error.what();
  }
}

TEST(SplatVaeConfig, ListsWhatChanged) {
  SplatVaeConfig before, after;
  EXPECT_EQ(changed_options(before, after), "");
  after.epochs = 40;
  after.lr = 5e-4;
  after.dataset = "smoke";
  EXPECT_EQ(changed_options(before, after),
            R"(dataset "flowers" -> "smoke", lr 0.0002 -> 0.0005, epochs 200 -> 40)");
}

TEST(SplatVaeConfig, RefusesValuesThatCannotBe) {
  const auto refused = [](auto change) {
    SplatVaeConfig config;
    change(config);
    EXPECT_THROW(check(config), UsageError);
  };
  refused([](auto& c) { c.image_size = 100; });
  refused([](auto& c) { c.image_size = 8; });
  refused([](auto& c) { c.num_packets = 0; });
  refused([](auto& c) { c.latent = -3; });
  refused([](auto& c) { c.batch = 0; });
  refused([](auto& c) { c.epochs = 0; });
  refused([](auto& c) { c.lr = std::nan(""); });
  refused([](auto& c) { c.lr = 0; });
  refused([](auto& c) { c.beta = -1; });
  refused([](auto& c) { c.beta = std::numeric_limits<double>::infinity(); });
  refused([](auto& c) { c.beta_warmup = 0; });
  refused([](auto& c) { c.workers = 0; });
  refused([](auto& c) { c.dataset = "cats"; });
  refused([](auto& c) { c.splits = {}; });
  refused([](auto& c) { c.splits = {"train", "train"}; });
  refused([](auto& c) { c.splits = {"all"}; });
  refused([](auto& c) { c.device = "gpu"; });
  refused([](auto& c) { c.renderer = "fast"; });
  refused([](auto& c) { c.split_seed = -1; });
  refused([](auto& c) { c.held_out_split = "train"; });
}

TEST(SplatVaeConfig, TheSplitOfANewRunHasNothingToDoWithItsSeed) {
  SplatVaeConfig config;
  read_options(config, json::parse(R"({"seed": 5})"), "test");
  EXPECT_EQ(pictures_of(config, {"test"}, config.seed).split_seed, 0U);
  EXPECT_EQ(pictures_of(config, {"test"}, config.seed).seed, 5U);
  config.split_seed = 3;
  EXPECT_EQ(pictures_of(config, {"test"}, config.seed).split_seed, 3U);
}

TEST(SplatVaeConfig, ASavedRunKeepsTheSplitItHad) {
  const auto split_of = [](const char* saved) {
    SplatVaeConfig config;
    config.split_seed = 9;  // of another layer
    read_saved_options(config, json::parse(saved), "test");
    return config.split_seed;
  };
  EXPECT_EQ(split_of(R"({"seed": 5, "lr": 0.1})"), 5);  // from before there was a split seed
  EXPECT_EQ(split_of(R"({"lr": 0.1})"), 0);
  EXPECT_EQ(split_of(R"({"seed": 5, "split_seed": 2})"), 2);
  EXPECT_EQ(split_of(R"({"split-seed": 0, "seed": 5})"), 0);
}

}  // namespace
}  // namespace neurosplat
