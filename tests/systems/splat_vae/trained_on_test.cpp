#include "neurosplat/systems/splat_vae/trained_on.h"
#include "neurosplat/training/picture_batches.h"

#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <set>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/training/options.h"
#include "neurosplat/training/trainer.h"
#include "support/temporary_folder.h"
#include "systems/splat_vae/splat_vae_learner.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;

std::set<std::string> names_of(const PictureRequest& request) {
  const auto source = open_pictures(request);
  std::set<std::string> names;
  for (std::int64_t i = 0; i < source->size(); ++i) names.insert(source->name(i));
  return names;
}

std::string message_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

/// A folder of forty pictures that need not be decoded, and models that were trained on it.
class TrainedOnAFolder : public ::testing::Test {
 protected:
  TrainedOnAFolder() {
    fs::create_directories(root());
    for (int i = 0; i < 40; ++i) std::ofstream(root() / text(i, ".png")) << i;
  }

  fs::path root() const { return folder_ / "pictures"; }

  SplatVaeConfig config(std::int64_t seed, std::int64_t split_seed) const {
    SplatVaeConfig config;
    config.dataset = "folder";
    config.data = root();
    config.splits = {"train"};
    config.seed = seed;
    config.split_seed = split_seed;
    return config;
  }

  PictureRequest asked(const std::string& split, std::uint64_t seed = 0) const {
    return {.kind = DatasetKind::folder, .root = root(), .splits = {split}, .seed = seed};
  }

  /// The run folder of a model that was trained so; with `old`, as runs from before split_seed
  /// left it.
  fs::path run_of(const SplatVaeConfig& config, bool old) const {
    const auto run = folder_ / "run";
    fs::remove_all(run);
    fs::create_directories(run);
    auto json = write_options(config);
    auto metadata =
        training_metadata(config, *open_pictures(pictures_of(config, config.splits, config.seed)));
    if (old) {
      json.erase("split_seed");
      json.erase("held_out_split");
      metadata = {{"dataset", config.dataset}};
    }
    save_splat_vae(run / "model.safetensors", SplatVae({16, 4, 3}), metadata);
    std::ofstream(run / "config.json") << json;
    return run;
  }

  TrainedOn trained(const fs::path& model) const {
    return trained_on(load_described_splat_vae(model));
  }

  testing::TemporaryFolder folder_;
};

// The proof: whatever the seeds of training and evaluation, no test picture was trained on.
TEST_F(TrainedOnAFolder, TestPicturesAreNeverTrainingPictures) {
  for (const bool old : {false, true}) {
    for (const std::int64_t seed : {0, 5, 6}) {
      const std::int64_t split_seed = old ? seed : 2 * seed;
      const auto learned = config(seed, split_seed);
      const auto train = names_of(pictures_of(learned, {"train"}, learned.seed));
      const auto model = trained(run_of(learned, old));
      for (const std::uint64_t evaluation_seed : {0U, 5U, 7U}) {
        const auto measured =
            measured_split(asked("test", evaluation_seed), std::nullopt, model, false);
        EXPECT_EQ(measured.held_out, HeldOut::yes);
        const auto test = names_of(measured.request);
        EXPECT_EQ(test.size(), 4U);
        for (const auto& name : test) EXPECT_FALSE(train.contains(name)) << name << seed;
        EXPECT_EQ(count_trained_on(*open_pictures(measured.request), model), 0);
      }
      EXPECT_EQ(count_trained_on(*open_folder(root()), model), 36);
    }
  }
}

TEST_F(TrainedOnAFolder, RefusesWhatWasTrainedOn) {
  const auto model = trained(run_of(config(5, 3), false));
  const auto measure = [&](const std::string& split, std::optional<std::uint64_t> split_seed,
                           bool allow) {
    return measured_split(asked(split), split_seed, model, allow);
  };
  EXPECT_THROW(measure("test", 0, false), UsageError);
  EXPECT_THROW(measure("train", std::nullopt, false), UsageError);
  EXPECT_EQ(measure("test", 3, false).request.split_seed, 3U);
  const auto said = message_of([&] { measure("test", 0, false); });
  for (const char* part : {"expected 3", "got 0", "leave --split-seed away"}) {
    EXPECT_NE(said.find(part), std::string::npos) << said;
  }
  for (const auto& allowed : {measure("test", 0, true), measure("train", std::nullopt, true)}) {
    EXPECT_EQ(allowed.held_out, HeldOut::no);
    EXPECT_FALSE(allowed.warning.empty());
  }
  EXPECT_EQ(measure("train", std::nullopt, true).request.split_seed, 3U);
}

TEST_F(TrainedOnAFolder, RefusesAListThatIsNotTheOneTrainedOn) {
  const auto model = trained(run_of(config(0, 0), false));
  EXPECT_EQ(measured_split(asked("test"), {}, model, false).held_out, HeldOut::yes);
  std::ofstream(root() / "new.png") << "more";
  const auto said = message_of([&] { measured_split(asked("test"), {}, model, false); });
  for (const char* part : {"the list differs", "--images"}) {
    EXPECT_NE(said.find(part), std::string::npos) << said;
  }
  const auto allowed = measured_split(asked("test"), {}, model, true);
  EXPECT_EQ(allowed.held_out, HeldOut::unknown);
  EXPECT_NE(allowed.warning.find("another list"), std::string::npos);
}

TEST_F(TrainedOnAFolder, SaysWhereItIsNotKnown) {
  const auto run = run_of(config(5, 5), true);
  fs::rename(run / "model.safetensors", folder_ / "bare.safetensors");
  const auto bare = trained(folder_ / "bare.safetensors");
  EXPECT_EQ(bare.dataset, "folder");
  EXPECT_FALSE(bare.splits_known());
  const auto measured = measured_split(asked("test"), {}, bare, false);
  EXPECT_EQ(measured.held_out, HeldOut::unknown);
  EXPECT_NE(measured.warning.find("not known which pictures"), std::string::npos);
  EXPECT_EQ(measured.warning.find('\n'), std::string::npos);
  EXPECT_FALSE(count_trained_on(*open_folder(root()), bare).has_value());

  auto other = asked("train");
  other.kind = DatasetKind::smoke;
  EXPECT_EQ(measured_split(other, {}, bare, false).held_out, HeldOut::other_data);
}

TEST_F(TrainedOnAFolder, TrustsNoModelFile) {
  const std::map<std::string, std::string> bad[] = {
      {{"dataset", "cats"}},
      {{"dataset", "folder"}, {"splits", "train,all"}},
      {{"dataset", "folder"}, {"splits", "train,"}},
      {{"dataset", "folder"}, {"splits", "train"}, {"split_seed", "-1"}},
      {{"dataset", "folder"}, {"splits", "train"}, {"split_seed", "99999999999999999999"}}};
  for (const auto& metadata : bad) {
    save_splat_vae(folder_ / "m.safetensors", SplatVae({16, 4, 3}), metadata);
    const auto said = message_of([&] { trained(folder_ / "m.safetensors"); });
    EXPECT_NE(said.find("m.safetensors: expected"), std::string::npos) << said;
  }
}

TEST(TrainedOn, IsWhatTrainingLeavesInItsModel) {
  const testing::TemporaryFolder folder;
  SplatVaeConfig config;
  config.dataset = "smoke";
  config.out = folder / "run";
  config.image_size = 16;
  config.num_packets = 4;
  config.latent = 3;
  config.device = "cpu";
  config.seed = 4;
  config.split_seed = 7;
  config.max_steps = 1;
  SplatVaeLearner learner(config, at::kCPU);
  Trainer(config, write_options(config), learner).run();
  const auto model = load_described_splat_vae(config.out);
  EXPECT_EQ(model.metadata.at("step"), "1");
  const auto trained = trained_on(model);
  EXPECT_EQ(trained.dataset, "smoke");
  EXPECT_EQ(trained.splits, (std::vector<std::string>{"train", "val"}));
  EXPECT_EQ(trained.split_seed, 7U);
  EXPECT_EQ(trained.seed, 4U);
  EXPECT_EQ(trained.list_hash,
            open_pictures(pictures_of(config, config.splits, config.seed))->list_hash());
  EXPECT_EQ(read_json_file(config.out / "config.json")["split_seed"], 7);
}

TEST(TrainingConfig, IsThatOfTheRunElseThatOfTheCard) {
  const testing::TemporaryFolder folder;
  const auto run = folder / "model.safetensors", shipped = folder / "flowers-128.safetensors";
  EXPECT_FALSE(training_config(run));
  EXPECT_FALSE(training_config(shipped));
  SplatVaeConfig config;
  config.beta = 5e-4;
  config.loss = "psnr";
  std::ofstream(folder / "config.json") << write_options(config).dump();
  EXPECT_EQ(training_config(run).value().beta, 5e-4);
  EXPECT_FALSE(training_config(shipped));  // config.json is of model.safetensors alone
  const nlohmann::json card = {{"training", {{"config", write_options(config)}}}};
  std::ofstream(folder / "flowers-128.json") << card.dump();
  EXPECT_EQ(training_config(shipped).value().loss, "psnr");
  for (const char* other : {"", "[]", "{\"training\": 3}", "{\"training\": {\"config\": 3}}",
                            "{\"training\": {\"config\": {\"beta\": 1}}}"}) {
    std::ofstream(folder / "flowers-128.json") << other;
    EXPECT_FALSE(training_config(shipped)) << other;
  }
}

}  // namespace
}  // namespace neurosplat
