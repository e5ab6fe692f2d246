#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <numeric>

#include "neurosplat/core/error.h"
#include "neurosplat/io/image_file.h"
#include "neurosplat/systems/splat_vae/model_file.h"
#include "neurosplat/training/checkpoint.h"
#include "neurosplat/training/picture_batches.h"
#include "neurosplat/training/trainer.h"
#include "support/temporary_folder.h"
#include "systems/splat_vae/splat_vae_learner.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;

SplatVaeConfig settled(SplatVaeConfig config) {
  settle_schedule(config);
  return config;
}

/// As the command trains.
class SplatVaeTraining {
 public:
  explicit SplatVaeTraining(const SplatVaeConfig& config)
      : learner_(config, at::kCPU), trainer_(config, write_options(settled(config)), learner_) {}

  void resume(bool accept_changed_data = false) { trainer_.resume(accept_changed_data); }
  Trainer::Outcome run() { return trainer_.run(); }
  double rec() const { return figure(trainer_.means(), "rec"); }

 private:
  SplatVaeLearner learner_;
  Trainer trainer_;
};

SplatVaeConfig small_config(const fs::path& out) {
  SplatVaeConfig config;
  config.dataset = "smoke";
  config.out = out;
  config.image_size = 16;
  config.num_packets = 9;
  config.latent = 6;
  config.batch = 32;
  config.epochs = 4;
  config.lr = 1e-3;
  config.beta = 1e-3;
  config.beta_warmup = 3;
  config.flip = true;
  config.device = "cpu";
  config.workers = 2;
  config.pictures_every = 2;
  config.held_out_every = 2;
  config.held_out_pictures = 16;
  config.held_out_split = "test";
  return config;
}

std::string bytes_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::map<std::string, at::Tensor> weights_of(const fs::path& run) {
  return load_splat_vae(run).state();
}

void expect_same_run(const fs::path& one, const fs::path& other) {
  EXPECT_EQ(bytes_of(one / "loss.csv"), bytes_of(other / "loss.csv"));
  const auto expected = weights_of(one), got = weights_of(other);
  for (const auto& [name, tensor] : expected) {
    EXPECT_TRUE(at::equal(tensor, got.at(name))) << name;
  }
}

TEST(SplatVaeLearner, WritesEverythingARunLeaves) {
  const testing::TemporaryFolder folder;
  SplatVaeTraining(small_config(folder / "run")).run();
  for (const char* name : {"config.json", "loss.csv", "metrics.jsonl", "model.safetensors",
                           "recon_002.png", "sample_004.png", "curves.png"}) {
    EXPECT_TRUE(fs::exists(folder / "run" / name)) << name;
  }
  EXPECT_FALSE(fs::exists(folder / "run" / "recon_001.png"));
  const auto table = bytes_of(folder / "run" / "loss.csv");
  EXPECT_TRUE(table.starts_with("epoch,rec,kl,beta\n1,"));
  EXPECT_EQ(std::count(table.begin(), table.end(), '\n'), 5);
  std::ifstream lines(folder / "run" / "metrics.jsonl");
  std::string line;
  for (int epoch = 1; std::getline(lines, line); ++epoch) {
    const auto json = nlohmann::json::parse(line);
    EXPECT_EQ(json["epoch"], epoch);
    EXPECT_EQ(json.contains("test_psnr_mean_db"), epoch % 2 == 0);
    EXPECT_FALSE(json.contains("held_out_psnr_mean_db"));
    EXPECT_GT(json["images_per_second"].get<double>(), 0);
  }
}

// By default no figure and no sheet of a run has seen a test picture: it is measured on val, or
// not.
TEST(SplatVaeLearner, LeavesTestPicturesAloneUnlessAsked) {
  const testing::TemporaryFolder folder;
  auto config = small_config(folder / "run");
  config.dataset = "synthetic";
  config.batch = 1024;
  config.epochs = 1;
  config.held_out_every = 1;
  config.held_out_split = "val";
  config.splits = {"train"};
  const auto first_epoch = [&] {
    SplatVaeTraining(config).run();
    std::ifstream lines(config.out / "metrics.jsonl");
    return nlohmann::json::parse(lines);
  };
  const auto on_val = first_epoch();
  EXPECT_TRUE(on_val["held_out_psnr_mean_db"].is_number());
  EXPECT_FALSE(on_val.contains("test_psnr_mean_db"));

  config.splits = {"train", "val"};
  config.out = folder / "both";
  const auto on_nothing = first_epoch();
  for (const char* part : {"held_out", "test"}) {
    EXPECT_FALSE(on_nothing.contains(std::string(part) + "_psnr_mean_db"));
    EXPECT_FALSE(on_nothing.contains(std::string(part) + "_images"));
  }
}

// Held-out figures stand beside those of training pictures that are measured in the same way.
TEST(SplatVaeLearner, MeasuresAsManyTrainingPicturesAsTheyAre) {
  const testing::TemporaryFolder folder;
  auto config = small_config(folder / "run");
  config.dataset = "synthetic";
  config.splits = {"val"};  // 256, fewer than the 512 that are held out: all are measured
  config.augment = true;
  config.held_out_pictures = 0;
  config.epochs = config.held_out_every = 1;
  SplatVaeTraining(config).run();
  std::ifstream lines(config.out / "metrics.jsonl");
  const auto row = nlohmann::json::parse(lines);
  const PictureLoader loader(open_pictures(pictures_of(config, config.splits, config.seed)),
                             {.side = 16});
  std::vector<std::int64_t> all(256);
  std::iota(all.begin(), all.end(), 0);
  const auto pictures = loader.pictures(all).to(at::kDouble) / 255;
  const auto drawn = load_splat_vae(config.out).reconstruct(pictures.to(at::kFloat));
  const auto errors = (drawn.to(at::kDouble) - pictures).square().mean({1, 2, 3});
  EXPECT_NEAR(row["trained_psnr_mean_db"].get<double>(),
              (-10 * errors.log10()).mean().item<double>(), 1e-4);
}

TEST(SplatVaeLearner, LearnsTheTrainingPictures) {
  const testing::TemporaryFolder folder;
  auto config = small_config(folder / "run");
  config.dataset = "synthetic";
  config.lr = 3e-3;
  config.beta = 1e-6;
  SplatVaeTraining trainer(config);
  trainer.run();
  const auto table = bytes_of(folder / "run" / "loss.csv");
  const double first = std::stod(table.substr(table.find("\n1,") + 3));
  EXPECT_LT(trainer.rec(), 0.8 * first);
}

TEST(SplatVaeLearner, TwoAndTwoEpochsAreFour) {
  const testing::TemporaryFolder folder;
  auto config = small_config(folder / "whole");
  SplatVaeTraining(config).run();
  config.out = folder / "parts";
  config.epochs = 2;
  SplatVaeTraining(config).run();
  config.epochs = 4;
  SplatVaeTraining second(config);
  second.resume();
  second.run();
  expect_same_run(folder / "whole", folder / "parts");
}

TEST(SplatVaeLearner, StoppedInsideAnEpochItContinuesExactly) {
  const testing::TemporaryFolder folder;
  auto config = small_config(folder / "whole");
  config.epochs = 2;
  SplatVaeTraining(config).run();
  config.out = folder / "parts";
  for (const std::int64_t steps : {3, 8, 11, 0}) {  // 8 steps an epoch
    config.max_steps = steps;
    SplatVaeTraining part(config);
    if (steps != 3) part.resume();
    part.run();
  }
  expect_same_run(folder / "whole", folder / "parts");
}

TEST(SplatVaeLearner, ALossThatIsNotFiniteStopsAndKeepsTheCheckpoint) {
  const testing::TemporaryFolder folder;
  auto config = small_config(folder / "run");
  config.epochs = 1;
  SplatVaeTraining(config).run();
  config.epochs = 9;
  config.lr = 1e30;
  SplatVaeTraining worse(config);
  worse.resume();
  try {
    worse.run();
    FAIL() << "expected an Error";
  } catch (const Error& error) {
    const std::string message = error.what();
    EXPECT_NE(message.find("epoch 2, step 10"), std::string::npos) << message;
    EXPECT_NE(message.find("finite"), std::string::npos) << message;
    EXPECT_NE(message.find("step-00000008"), std::string::npos) << message;
  }
  for (const auto& [name, tensor] : weights_of(folder / "run")) {
    EXPECT_TRUE(at::isfinite(tensor).all().item<bool>()) << name;
  }
}

TEST(SplatVaeLearner, RefusesToResumeAnotherModelOrNothing) {
  const testing::TemporaryFolder folder;
  auto config = small_config(folder / "run");
  config.epochs = 1;
  EXPECT_THROW(SplatVaeTraining(config).resume(), Error);
  SplatVaeTraining(config).run();
  config.num_packets = 10;
  EXPECT_THROW(SplatVaeTraining(config).resume(), Error);
}

std::int64_t steps_of(const fs::path& run) {
  return CheckpointFolder(run).load_newest()->position.step;
}

TEST(SplatVaeLearner, StepsInAllAreAsManyHoweverOftenItIsResumed) {
  const testing::TemporaryFolder folder;
  auto config = small_config(folder / "run");
  config.max_steps = 5;
  SplatVaeTraining(config).run();
  for (int round = 0; round < 3; ++round) {
    SplatVaeTraining again(config);
    again.resume();
    EXPECT_EQ(again.run(), Trainer::Outcome::finished);
    EXPECT_EQ(steps_of(folder / "run"), 5);
  }
  config.max_steps = 0;
  config.epochs = 1;
  SplatVaeTraining whole(config);
  whole.resume();
  whole.run();
  EXPECT_EQ(steps_of(folder / "run"), 8);
  SplatVaeTraining fewer(config);
  fewer.resume();
  fewer.run();
  EXPECT_EQ(steps_of(folder / "run"), 8);
}

TEST(SplatVaeLearner, AnEpochIsFinishedInTheOrderItWasBegunIn) {
  const testing::TemporaryFolder folder;
  auto config = small_config(folder / "run");
  config.max_steps = 5;
  SplatVaeTraining(config).run();
  const auto refusal = [&](const SplatVaeConfig& changed) -> std::string {
    SplatVaeTraining trainer(changed);
    try {
      trainer.resume();
    } catch (const UsageError& error) {
      return error.what();
    }
    return "";
  };
  config.max_steps = 0;
  auto other = config;
  other.workers = 1;
  EXPECT_EQ(refusal(other), "");
  other.batch = 16;
  EXPECT_TRUE(refusal(other).starts_with("batch: expected 32, with which epoch 1 was begun"))
      << refusal(other);
  // A checkpoint from before the notes: config.json says what the epoch was begun with.
  auto loaded = CheckpointFolder(folder / "run").load_newest();
  loaded->state.metadata.erase("order.batch");
  CheckpointFolder(folder / "run").save(loaded->state, loaded->position);
  EXPECT_TRUE(refusal(other).starts_with("batch: expected 32,")) << refusal(other);
  other = config;
  other.seed = 1;
  EXPECT_TRUE(refusal(other).starts_with("seed: expected 0,")) << refusal(other);
  other = config;
  other.epochs = 1;
  SplatVaeTraining whole(other);
  whole.resume();
  whole.run();
  other.batch = 16;
  EXPECT_EQ(refusal(other), "");  // between two epochs
}

TEST(SplatVaeLearner, OtherPicturesAreNotedAndMustBeAccepted) {
  const testing::TemporaryFolder folder;
  fs::create_directory(folder / "pictures");
  const auto add = [&](int number) {
    write_png(folder / "pictures" / (std::to_string(number) + ".png"),
              at::full({3, 20, 20}, 0.01 * number));
  };
  for (int i = 10; i < 30; ++i) add(i);
  auto config = small_config(folder / "run");
  config.dataset = "folder";
  config.data = folder / "pictures";
  config.splits = {"train", "val", "test"};
  config.batch = 5;
  config.max_steps = 6;  // 4 steps an epoch: in the middle of the second
  SplatVaeTraining(config).run();
  config.max_steps = 0;
  SplatVaeTraining(config).resume();
  add(30);
  EXPECT_THROW(SplatVaeTraining(config).resume(), Error);
  config.max_steps = 8;
  SplatVaeTraining accepted(config);
  accepted.resume(/*accept_changed_data=*/true);
  accepted.run();
  const auto position = CheckpointFolder(folder / "run").load_newest()->position;
  EXPECT_EQ(position.epoch, 1);
  EXPECT_EQ(position.batch, 2);  // begun anew, not gone on with at its third batch
  SplatVaeTraining(config).resume();
}

TEST(SplatVaeLearner, MoreEpochsKeepTheCosineAsItStood) {
  const testing::TemporaryFolder folder;
  auto config = small_config(folder / "run");
  config.lr_schedule = "cosine";
  config.epochs = 3;
  config.held_out_every = config.pictures_every = 0;
  SplatVaeTraining(config).run();
  SplatVaeConfig kept;
  read_options(kept, read_json_file(folder / "run" / "config.json"), "config.json");
  EXPECT_EQ(kept.schedule_epochs, 3);
  kept.epochs = 5;
  SplatVaeTraining more(kept);
  more.resume();
  more.run();
  std::ifstream lines(folder / "run" / "metrics.jsonl");
  std::vector<double> rates;
  for (std::string line; std::getline(lines, line);) {
    rates.push_back(nlohmann::json::parse(line)["lr"].get<double>());
  }
  ASSERT_EQ(rates.size(), 5U);
  for (const std::size_t epoch : {2U, 3U, 4U}) EXPECT_NEAR(rates[epoch], 1e-5, 1e-15) << epoch;
}

TEST(SplatVaeLearner, RefusesABatchLargerThanTheData) {
  const testing::TemporaryFolder folder;
  auto config = small_config(folder / "run");
  config.batch = 100000;
  EXPECT_THROW(SplatVaeTraining{config}, Error);
}

}  // namespace
}  // namespace neurosplat
