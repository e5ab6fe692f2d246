// neurosplat-evaluate budget as a user meets it.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "neurosplat/core/text.h"
#include "neurosplat/io/image_file.h"
#include "neurosplat/systems/splat_vae/model_file.h"
#include "neurosplat/systems/splat_vae/splat_vae_config.h"
#include "neurosplat/training/options.h"
#include "support/command.h"
#include "support/temporary_folder.h"
#include "systems/splat_vae/locking_model.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;
using testing::Finished;

std::string text_of(const fs::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::int64_t lines_of(const std::string& words) {
  return std::count(words.begin(), words.end(), '\n');
}

/// A run folder of a small model and a folder of twelve pictures.
class EvaluateBudget : public ::testing::Test {
 protected:
  void SetUp() override {
    const SplatVaeArchitecture sizes = {.image_size = 32, .packets = 16, .latent = 8};
    fs::create_directories(folder_ / "run");
    fs::create_directories(folder_ / "some");
    save_splat_vae(folder_ / "run" / "model.safetensors", testing::locking_model(sizes));
    for (int i = 0; i < 12; ++i) {
      write_png(folder_ / "some" / text(i, ".png"), testing::smooth_picture(40, i));
    }
  }

  /// As a run leaves it that was trained on `splits` of the folder.
  void trained_on(const std::vector<std::string>& splits) const {
    SplatVaeConfig config;
    config.dataset = "folder";
    config.data = folder_ / "some";
    config.splits = splits;
    config.loss = "psnr";
    config.beta = 2e-3;
    std::ofstream(folder_ / "run" / "config.json") << write_options(config).dump();
  }

  std::string path(const char* name) const { return (folder_ / name).string(); }

  Finished budget(const std::vector<std::string>& more) const {
    std::vector<std::string> all = {testing::program("neurosplat-evaluate"),
                                    "budget",
                                    "--model",
                                    path("run"),
                                    "--threads",
                                    "1",
                                    "--latent-steps",
                                    "5",
                                    "--packet-steps",
                                    "5",
                                    "--out",
                                    path("out")};
    all.insert(all.end(), more.begin(), more.end());
    return testing::run_command(all);
  }

  void expect_refusal(const std::vector<std::string>& more, int status,
                      const std::string& part) const {
    const auto run = budget(more);
    EXPECT_EQ(run.status, status) << run.errors;
    EXPECT_EQ(run.output, "");
    EXPECT_EQ(lines_of(run.errors), 1) << run.errors;
    EXPECT_NE(run.errors.find(part), std::string::npos) << run.errors;
    EXPECT_FALSE(fs::exists(folder_ / "out"));
  }

  testing::TemporaryFolder folder_;
};

TEST_F(EvaluateBudget, WritesWhatItMeasured) {
  trained_on({"train"});
  const auto run = budget({"--images", path("some"), "--pictures", "7", "--dataset", "synthetic",
                           "--floor-limit", "20", "--components", "4,16,512", "--batch", "3",
                           "--examples", "4", "--seed", "3"});
  ASSERT_EQ(run.status, 0) << run.errors;
  EXPECT_NE(run.errors.find("PCA with 512 components is left out"), std::string::npos)
      << run.errors;
  const auto out = folder_ / "out";
  const auto metrics = nlohmann::json::parse(text_of(out / "metrics.json"));
  EXPECT_EQ(metrics["experiment"], "budget");
  EXPECT_TRUE(metrics.contains("environment"));
  EXPECT_EQ(metrics["settings"]["latent_steps"], 5);
  EXPECT_EQ(metrics["settings"]["refine"], 8);
  EXPECT_EQ(metrics["settings"]["decoder"], "mlp");
  const auto& results = metrics["results"];
  EXPECT_EQ(results["images"], 7);
  EXPECT_EQ(results["pca_components_left_out"], (std::vector<int>{512}));
  EXPECT_EQ(results["floor_images"], 20);
  EXPECT_EQ(results["rows"].size(), 12U);  // PCA with 4, 8 (the latent's number) and 16
  for (const auto& row : results["rows"]) {
    EXPECT_EQ(results[row["row"].get<std::string>() + "_psnr_mean_db"], row["psnr_mean_db"]);
  }
  EXPECT_NEAR(results["kl_charge_db"].get<double>(), 2e-3 * results["kl_mean_nats"].get<double>(),
              1e-9);
  const auto table = text_of(out / "per_picture.csv");
  EXPECT_EQ(lines_of(table), 8);
  EXPECT_EQ(table.substr(0, table.find('\n')),
            "file,sample_psnr_db,mean_psnr_db,refined_psnr_db,best_latent_psnr_db,"
            "best_packets_psnr_db,own_geometry_psnr_db,placed_psnr_db,moved_psnr_db,"
            "mean_image_psnr_db,pca_4_psnr_db,pca_8_psnr_db,pca_16_psnr_db,kl_nats");
  EXPECT_EQ(run.output.substr(0, run.output.find("written:")), text_of(out / "budget.md"));
  EXPECT_GT(read_picture(out / "budget.png").size(2), 1000);
  EXPECT_GT(read_picture(out / "sheet.png").size(2), 4 * 128);
}

TEST_F(EvaluateBudget, ARunThatSaysNothingOfBetaLeavesItOut) {
  const auto run = budget({"--dataset", "smoke", "--pictures", "2", "--latent-steps", "0",
                           "--packet-steps", "0", "--floor-limit", "10", "--components", "4"});
  ASSERT_EQ(run.status, 0) << run.errors;
  const auto metrics = nlohmann::json::parse(text_of(folder_ / "out" / "metrics.json"));
  EXPECT_TRUE(metrics["results"]["kl_charge_db"].is_null());
  EXPECT_TRUE(metrics["results"]["kl_mean_nats"].is_number());
  EXPECT_EQ(run.output.find("beta"), std::string::npos);
}

TEST_F(EvaluateBudget, TheSeedDrawsThePictures) {
  const auto names = [&](const char* seed) {
    const auto run = budget({"--images", path("some"), "--pictures", "4", "--seed", seed,
                             "--latent-steps", "0", "--packet-steps", "0", "--overwrite"});
    EXPECT_EQ(run.status, 0) << run.errors;
    std::ifstream in(folder_ / "out" / "per_picture.csv");
    std::string first_fields;
    for (std::string line; std::getline(in, line);) {
      first_fields += line.substr(0, line.find(',')) + " ";
    }
    return first_fields;
  };
  const auto first = names("1"), second = names("2");
  EXPECT_NE(first, second);
  EXPECT_EQ(first, names("1"));
}

TEST_F(EvaluateBudget, SaysWhatWentWrong) {
  const std::vector<std::string> some = {"--images", path("some")};
  const auto with = [&](const std::vector<std::string>& more) {
    auto all = some;
    all.insert(all.end(), more.begin(), more.end());
    return all;
  };
  expect_refusal({}, 2, "--data");
  expect_refusal(with({"--pictures", "13"}), 2, "expected 13 to measure on, found 12");
  expect_refusal(with({"--pictures", "0"}), 2, "pictures");
  expect_refusal(with({"--refine", "-1"}), 2, "refine");
  expect_refusal(with({"--latent-steps", "-1"}), 2, "latent-steps");
  expect_refusal(with({"--packet-steps", "-1"}), 2, "packet-steps");
  expect_refusal(with({"--latent-rate", "0"}), 2, "latent-rate");
  expect_refusal(with({"--components", "16,0"}), 2, "components");
  expect_refusal(with({"--floor-limit", "1"}), 2, "floor-limit");
  expect_refusal(with({"--batch", "0"}), 2, "batch");
  expect_refusal(with({"--seed", "-1"}), 2, "seed");
  expect_refusal({"--images", path("nowhere")}, 1, "nowhere");
  std::ofstream(folder_ / "broken.safetensors") << "no model";
  expect_refusal(with({"--model", path("broken.safetensors")}), 1, "broken.safetensors");
  std::ofstream(folder_ / "file") << "no folder";
  expect_refusal(with({"--out", (folder_ / "file" / "deep").string()}), 1, "file/deep");
}

TEST_F(EvaluateBudget, RefusesWhatTheModelWasTrainedOn) {
  trained_on({"train", "test"});
  expect_refusal({"--data", path("some"), "--split", "test", "--pictures", "1"}, 2, "test");
}

}  // namespace
}  // namespace neurosplat
