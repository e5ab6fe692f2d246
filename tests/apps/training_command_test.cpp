// What `neurosplat-train` does with its options, its run folder and what is there already.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "apps/programs.h"
#include "neurosplat/io/image_file.h"
#include "neurosplat/systems/splat_vae/model_file.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;
using testing::expect_refusal;
using testing::program;
using testing::Programs;
using testing::run_command;
using testing::tiny_training;
using testing::with;

TEST_F(Programs, FlagsOverrideTheConfigurationAndUnderscoresAreAccepted) {
  std::ofstream(folder / "config.json")
      << R"({"dataset": "smoke", "image_size": 32, "num_packets": 4, "latent": 3, "batch": 64,
             "epochs": 1, "device": "cpu", "held_out_every": 0})";
  const auto finished = run_command(
      {program("neurosplat-train"), "splat-vae", "--config=" + (folder / "config.json").string(),
       "--amp", "--image_size=16", "--num_packets", "5", "--out", (folder / "a_run").string()});
  ASSERT_EQ(finished.status, 0) << finished.errors;
  EXPECT_EQ(load_splat_vae(folder / "a_run").architecture(), (SplatVaeArchitecture{16, 5, 3}));
  std::ifstream in(folder / "a_run" / "config.json");
  const auto resolved = nlohmann::json::parse(in);
  EXPECT_EQ(resolved["image_size"], 16);
  EXPECT_EQ(resolved["num_packets"], 5);
  EXPECT_EQ(resolved["latent"], 3);
  EXPECT_EQ(resolved["beta_warmup"], 10);
  EXPECT_EQ(resolved["amp"], "on");
}

nlohmann::json config_of(const fs::path& run) {
  std::ifstream in(run / "config.json");
  return nlohmann::json::parse(in);
}

TEST_F(Programs, AScheduleThatEndsBeforeTheRunIsToldOnce) {
  const auto run = folder / "run";
  ASSERT_EQ(run_command(with(tiny_training(run), {"--lr-schedule", "cosine"})).status, 0);
  const auto resumed = run_command({program("neurosplat-train"), "splat-vae", "--out", run.string(),
                                    "--epochs", "2", "--resume"});
  ASSERT_EQ(resumed.status, 0) << resumed.errors;
  const std::string told = "the learning rate stays at";
  const auto first = resumed.errors.find(told);
  ASSERT_NE(first, std::string::npos) << resumed.errors;
  EXPECT_EQ(resumed.errors.find(told, first + 1), std::string::npos) << resumed.errors;
}

TEST_F(Programs, AResumedRunKeepsItsOptionsBelowTheFileAndTheFlags) {
  const auto run = folder / "run";
  ASSERT_EQ(run_command(with(tiny_training(run), {"--lr", "1e-4", "--seed", "5", "--flip"})).status,
            0);
  std::ofstream(folder / "more.json") << R"({"lr": 5e-4, "clip": 3, "out": "elsewhere"})";
  const auto resumed = run_command({program("neurosplat-train"), "splat-vae", "--resume",
                                    run.string() + "/", "--out", run.string(), "--config",
                                    (folder / "more.json").string(), "--clip=2", "--epochs", "2"});
  ASSERT_EQ(resumed.status, 0) << resumed.errors;
  EXPECT_NE(resumed.errors.find("changed from the run's config.json: lr 0.0001 -> 0.0005, "
                                "clip 5.0 -> 2.0, epochs 1 -> 2\n"),
            std::string::npos)
      << resumed.errors;
  const auto config = config_of(run);
  EXPECT_EQ(config["seed"], 5);
  EXPECT_EQ(config["flip"], true);
  EXPECT_EQ(config["lr"], 5e-4);
  EXPECT_EQ(config["schedule_epochs"], 1);
  EXPECT_EQ(config["out"], run.string());
  EXPECT_FALSE(fs::exists("elsewhere"));
  const auto train = [&](const std::vector<std::string>& more) {
    return run_command(with({program("neurosplat-train"), "splat-vae"}, more));
  };
  const auto done = train({"--resume", run.string()});
  EXPECT_EQ(done.status, 0) << done.errors;
  EXPECT_NE(done.errors.find("nothing left to train"), std::string::npos) << done.errors;
  expect_refusal(train({"--resume", run.string(), "--out", (folder / "b").string()}), 2, "--out");
  fs::remove(run / "config.json");
  expect_refusal(train({"--resume", run.string()}), 1, "config.json");
}

TEST_F(Programs, AnOldRunOutlivesWhatFails) {
  const auto run = folder / "run";
  ASSERT_EQ(run_command(tiny_training(run)).status, 0);
  std::ofstream(run / "notes.txt") << "mine";
  const auto smoke = [&](const std::vector<std::string>& more) {
    return run_command(with({program("neurosplat-train"), "splat-vae", "--smoke"}, more));
  };
  std::ofstream(folder / "c.json") << nlohmann::json{{"out", run.string()}};
  expect_refusal(smoke({"--out", run.string()}), 2, "--overwrite");
  expect_refusal(smoke({"--config", (folder / "c.json").string()}), 2, "--overwrite");
  expect_refusal(run_command(with(tiny_training(run), {"--overwrite", "--dataset", "folder",
                                                       "--data", (folder / "absent").string()})),
                 1, "absent");
  expect_refusal(run_command(with(tiny_training(run), {"--overwrite", "--batch", "4096"})), 1,
                 "batch");
  for (const char* name : {"loss.csv", "config.json", "checkpoints", "model.safetensors"}) {
    EXPECT_TRUE(fs::exists(run / name)) << name;
  }
  EXPECT_EQ(smoke({"--out", run.string(), "--overwrite"}).status, 0);
  EXPECT_EQ(config_of(run)["image_size"], 32);
  EXPECT_TRUE(fs::exists(run / "notes.txt"));
  EXPECT_FALSE(fs::exists(run / "run.lock"));
}

TEST_F(Programs, SmokeReplacesItsOwnRunInItsOwnFolder) {
  const auto smoke = [&] {
    return run_command({"/bin/sh", "-c",
                        "cd '" + folder.path().string() + "' && exec '" +
                            program("neurosplat-train") + "' splat-vae --smoke"});
  };
  EXPECT_EQ(smoke().status, 0);
  EXPECT_EQ(smoke().status, 0);
  auto config = config_of(folder / "runs" / "smoke");
  config["dataset"] = "flowers";
  std::ofstream(folder / "runs" / "smoke" / "config.json") << config;
  expect_refusal(smoke(), 2, "--overwrite");
}

TEST_F(Programs, ARunIsNotWrittenAmongThePicturesItReads) {
  fs::create_directory(folder / "pictures");
  write_png(folder / "pictures" / "a.png", at::zeros({3, 20, 20}));
  fs::create_directory_symlink(folder / "pictures", folder / "link");
  expect_refusal(
      run_command(with(tiny_training(folder / "link" / "run"),
                       {"--dataset", "folder", "--data", (folder / "pictures").string()})),
      2, "outside of the pictures");
  EXPECT_FALSE(fs::exists(folder / "pictures" / "run"));
}

}  // namespace
}  // namespace neurosplat
