#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "neurosplat/io/image_file.h"
#include "neurosplat/io/model_file.h"
#include "support/command.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;
using testing::Finished;
using testing::program;
using testing::run_command;
using testing::TemporaryFolder;

std::vector<std::string> tiny_training(const fs::path& out) {
  return {program("neurosplat-train"),
          "splat-vae",
          "--dataset",
          "smoke",
          "--image-size",
          "16",
          "--num-packets",
          "9",
          "--latent",
          "6",
          "--batch",
          "64",
          "--epochs",
          "1",
          "--device",
          "cpu",
          "--held-out-every",
          "0",
          "--out",
          out.string()};
}

std::vector<std::string> with(std::vector<std::string> arguments,
                              const std::vector<std::string>& more) {
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

/// Failed with `status`, with one line on standard error that holds `part`, and wrote nothing.
void expect_refusal(const Finished& finished, int status, const std::string& part) {
  EXPECT_EQ(finished.status, status) << finished.errors;
  EXPECT_NE(finished.errors.find(part), std::string::npos) << finished.errors;
  const auto first = finished.errors.find("error: ");
  ASSERT_NE(first, std::string::npos) << finished.errors;
  EXPECT_EQ(finished.errors.find('\n', first), finished.errors.size() - 1) << finished.errors;
}

class Programs : public ::testing::Test {
 protected:
  TemporaryFolder folder;
};

TEST_F(Programs, HelpAndVersionSucceed) {
  for (const char* name : {"neurosplat-train", "neurosplat-sample", "neurosplat-evaluate"}) {
    const auto help = run_command({program(name), "--help"});
    EXPECT_EQ(help.status, 0);
    EXPECT_NE(help.output.find("Subcommands"), std::string::npos);
    EXPECT_EQ(run_command({program(name), "--version"}).output.substr(0, 11), "neurosplat ");
  }
  const auto help = run_command({program("neurosplat-train"), "splat-vae", "--help"});
  EXPECT_EQ(help.status, 0);
  EXPECT_NE(help.output.find("--beta-warmup"), std::string::npos);
}

TEST_F(Programs, BadUsageExitsWithTwo) {
  expect_refusal(run_command({program("neurosplat-train")}), 2, "subcommand");
  expect_refusal(run_command({program("neurosplat-train"), "cats"}), 2, "");
  const auto train = [&](const std::vector<std::string>& more) {
    return run_command(with(tiny_training(folder / "run"), more));
  };
  expect_refusal(train({"--frobnicate", "3"}), 2, "--frobnicate");
  expect_refusal(train({"--image-size", "100"}), 2, "power of two");
  expect_refusal(train({"--image-size", "8"}), 2, "power of two");
  expect_refusal(train({"--num-packets", "0"}), 2, "num_packets");
  expect_refusal(train({"--num-packets", "-4"}), 2, "num_packets");
  expect_refusal(train({"--epochs", "0"}), 2, "epochs");
  expect_refusal(train({"--batch", "ten"}), 2, "batch");
  expect_refusal(train({"--mode", "sample"}), 2, "neurosplat-sample");
  std::ofstream(folder / "unknown.json") << R"({"image_sise": 16})";
  expect_refusal(train({"--config", (folder / "unknown.json").string()}), 2, "image_sise");
  EXPECT_FALSE(fs::exists(folder / "run"));
}

TEST_F(Programs, WhatGoesWrongExitsWithOne) {
  const auto train = [&](const std::vector<std::string>& more) {
    return run_command(with(tiny_training(folder / "run"), more));
  };
  const std::string nowhere = (folder / "nowhere").string();
  expect_refusal(train({"--dataset", "flowers", "--data", nowhere}), 1, "nowhere");
  expect_refusal(train({"--dataset", "folder", "--data", nowhere}), 1, "nowhere");
  expect_refusal(train({"--config", nowhere}), 1, "nowhere");
  std::ofstream(folder / "broken.json") << "{\"epochs\": ";
  expect_refusal(train({"--config", (folder / "broken.json").string()}), 1, "broken.json");
  fs::create_directory(folder / "empty");
  expect_refusal(train({"--dataset", "folder", "--data", (folder / "empty").string()}), 1, "empty");
  std::ofstream(folder / "empty" / "notes.jpg") << "this is text";
  expect_refusal(train({"--dataset", "folder", "--data", (folder / "empty").string()}), 1,
                 "notes.jpg");
  expect_refusal(train({"--resume"}), 1, "checkpoint");
  EXPECT_FALSE(fs::exists(folder / "run"));
  const auto sample = [&](const std::string& model) {
    return run_command({program("neurosplat-sample"), "splat-vae", "--model", model, "--out",
                        (folder / "sample.png").string()});
  };
  expect_refusal(sample(nowhere), 1, "nowhere");
  expect_refusal(sample((folder / "broken.json").string()), 1, "broken.json");
  EXPECT_FALSE(fs::exists(folder / "sample.png"));
}

TEST_F(Programs, CudaIsNotReplacedQuietly) {
  const auto finished = run_command(with(tiny_training(folder / "run"), {"--device", "cuda"}));
  if (finished.status == 0) GTEST_SKIP() << "this machine has CUDA";
  expect_refusal(finished, 1, "CUDA");
}

TEST_F(Programs, SmokeSaysThatItWorked) {
  const auto finished = run_command(
      {program("neurosplat-train"), "splat_vae", "--smoke", "--out", (folder / "smoke").string()});
  EXPECT_EQ(finished.status, 2);  // subcommands are not options
  const auto smoke = run_command(
      {program("neurosplat-train"), "splat-vae", "--smoke", "--out", (folder / "smoke").string()});
  EXPECT_EQ(smoke.status, 0) << smoke.errors;
  EXPECT_TRUE(smoke.output.starts_with("smoke: ok, rec 0.")) << smoke.output;
  EXPECT_NE(smoke.output.find(", kl "), std::string::npos);
}

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

TEST_F(Programs, ARunIsNotWrittenOverUnasked) {
  ASSERT_EQ(run_command(tiny_training(folder / "run")).status, 0);
  expect_refusal(run_command(tiny_training(folder / "run")), 2, "--resume");
  EXPECT_EQ(run_command(with(tiny_training(folder / "run"), {"--overwrite"})).status, 0);
  const auto resumed = run_command({program("neurosplat-train"), "splat-vae", "--resume",
                                    (folder / "run").string(), "--epochs", "2"});
  EXPECT_EQ(resumed.status, 0) << resumed.errors;
  std::ifstream in(folder / "run" / "loss.csv");
  EXPECT_EQ(std::count(std::istreambuf_iterator<char>(in), {}, '\n'), 3);
}

nlohmann::json config_of(const fs::path& run) {
  std::ifstream in(run / "config.json");
  return nlohmann::json::parse(in);
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
  EXPECT_NE(resumed.errors.find("changed from the run's config.json: epochs 1 -> 2, "
                                "lr 0.0001 -> 0.0005, clip 5.0 -> 2.0\n"),
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
  expect_refusal(train({"--resume", (folder / "wrong").string(), "--smoke"}), 1, "wrong");
  EXPECT_FALSE(fs::exists(folder / "wrong"));
  EXPECT_FALSE(fs::exists("runs"));
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

TEST_F(Programs, SampleAndEvaluateATrainedRun) {
  ASSERT_EQ(run_command(tiny_training(folder / "run")).status, 0);
  const auto sampled = run_command({program("neurosplat-sample"), "splat-vae", "--model",
                                    (folder / "run").string(), "--mode", "grid", "--count", "10",
                                    "--seed", "4", "--out", (folder / "grid.png").string()});
  ASSERT_EQ(sampled.status, 0) << sampled.errors;
  const auto grid = read_picture(folder / "grid.png");  // 8 + 2 pictures of 16 pixels, borders of 2
  EXPECT_EQ(grid.size(1), 2 * 18 + 2);
  EXPECT_EQ(grid.size(2), 8 * 18 + 2);
  const auto line = run_command({program("neurosplat-sample"), "splat-vae", "--model",
                                 (folder / "run").string(), "--mode", "interpolate", "--size", "40",
                                 "--out", (folder / "line.png").string()});
  ASSERT_EQ(line.status, 0) << line.errors;
  EXPECT_EQ(read_picture(folder / "line.png").size(1), 44);
  const auto evaluated = run_command({program("neurosplat-evaluate"), "reconstruction", "--model",
                                      (folder / "run").string(), "--dataset", "smoke", "--out",
                                      (folder / "evaluation").string()});
  ASSERT_EQ(evaluated.status, 0) << evaluated.errors;
  std::ifstream in(folder / "evaluation" / "metrics.json");
  const auto metrics = nlohmann::json::parse(in);
  EXPECT_EQ(metrics["experiment"], "reconstruction");
  EXPECT_EQ(metrics["results"]["images"], 64);
  for (const char* key :
       {"psnr_mean_db", "ssim_mean", "pca_psnr_mean_db", "mean_image_psnr_mean_db"}) {
    EXPECT_TRUE(metrics["results"][key].is_number()) << key;
  }
  EXPECT_TRUE(metrics.contains("environment"));
  std::ifstream table(folder / "evaluation" / "per_image.csv");
  EXPECT_EQ(std::count(std::istreambuf_iterator<char>(table), {}, '\n'), 65);
  EXPECT_TRUE(fs::exists(folder / "evaluation" / "best_median_worst.png"));
}

TEST_F(Programs, EvaluatesAFolderOfPicturesWithoutFloors) {
  save_splat_vae(folder / "model.safetensors", SplatVae({16, 4, 3}));
  fs::create_directory(folder / "pictures");
  for (const char* name : {"a.png", "b.png"}) {
    write_png(folder / "pictures" / name, at::linspace(0, 1, 3 * 20 * 24).view({3, 20, 24}));
  }
  const auto finished =
      run_command({program("neurosplat-evaluate"), "reconstruction", "--model",
                   (folder / "model.safetensors").string(), "--images",
                   (folder / "pictures").string(), "--out", (folder / "out").string()});
  ASSERT_EQ(finished.status, 0) << finished.errors;
  std::ifstream in(folder / "out" / "metrics.json");
  const auto metrics = nlohmann::json::parse(in);
  EXPECT_EQ(metrics["results"]["images"], 2);
  EXPECT_TRUE(metrics["results"]["pca_psnr_mean_db"].is_null());
  EXPECT_NE(finished.errors.find("no floors"), std::string::npos);
}

}  // namespace
}  // namespace neurosplat
