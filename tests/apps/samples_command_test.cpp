// Of a network of random weights, which needs no download: what the numbers are worth is tested
// where they are made.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "apps/programs.h"
#include "metrics/feature_weights.h"
#include "neurosplat/io/image_file.h"
#include "neurosplat/io/safetensors.h"
#include "neurosplat/systems/splat_vae/model_file.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;
using testing::expect_refusal;
using testing::program;
using testing::Programs;
using testing::run_command;

class SamplesCommand : public Programs {
 protected:
  SamplesCommand() {
    write_safetensors(folder / "features.safetensors", testing::random_feature_weights());
  }

  testing::Finished evaluate(const std::string& model, const std::vector<std::string>& more,
                             const std::string& features = "features.safetensors") const {
    return run_command(testing::with(
        {"/usr/bin/env", "NEUROSPLAT_FEATURES=" + (folder / features).string(),
         program("neurosplat-evaluate"), "samples", "--model", (folder / model).string(),
         "--dataset", "smoke", "--out", (folder / "out").string(), "--device", "cpu"},
        more));
  }

  nlohmann::json metrics() const {
    std::ifstream in(folder / "out" / "metrics.json");
    return nlohmann::json::parse(in);
  }

  /// Fréchet distances by the name of the set.
  static std::map<std::string, double> distances_in(const nlohmann::json& metrics) {
    std::map<std::string, double> distances;
    for (const auto& row : metrics["results"]["rows"]) {
      distances[row["set"].get<std::string>()] = row["fd_lite0"].get<double>();
      for (const char* share : {"precision", "recall"}) {
        EXPECT_GE(row[share].get<double>(), 0);
        EXPECT_LE(row[share].get<double>(), 1);
      }
    }
    return distances;
  }
};

TEST_F(SamplesCommand, MeasuresPriorsBesideHeldOutPicturesAndPca) {
  ASSERT_EQ(run_command(testing::tiny_training(folder / "run")).status, 0);
  const auto run = evaluate("run", {"--count", "12", "--seed", "3"});
  ASSERT_EQ(run.status, 0) << run.errors;
  const auto first = metrics();
  EXPECT_EQ(first["experiment"], "samples");
  EXPECT_EQ(first["results"]["images"], 12);
  EXPECT_EQ(first["results"]["real_images_measured"], 0);
  EXPECT_EQ(first["settings"]["splits"], nlohmann::json({"test"}));
  EXPECT_EQ(first["settings"]["real_splits"], nlohmann::json({"train", "val"}));
  EXPECT_EQ(first["settings"]["held_out"], "yes");
  const auto distances = distances_in(first);
  ASSERT_EQ(distances.size(), 5U);
  // One epoch leaves grey pictures, which are neither; the Gaussian of pixels is nearer.
  EXPECT_LT(distances.at("held_out"), distances.at("reconstruction"));
  EXPECT_LT(distances.at("pca"), distances.at("normal_prior"));
  EXPECT_NE(distances.at("fitted_prior"), distances.at("normal_prior"));
  for (const auto& [set, distance] : distances) {
    EXPECT_GT(distance, 0) << set;
    EXPECT_NE(run.output.find("\n" + set + " "), std::string::npos) << run.output;
  }
  const auto sheet = read_picture(folder / "out" / "samples.png");  // 6 rows of 10 pictures
  EXPECT_EQ(sheet.size(1), 6 * (20 + 16 + 4));
  EXPECT_EQ(sheet.size(2), 10 * 18 + 2);

  // Seeds decide, not how many pictures are worked on at a time.
  ASSERT_EQ(evaluate("run", {"--count", "12", "--seed", "3", "--batch", "5", "--overwrite"}).status,
            0);
  for (const auto& [set, distance] : distances_in(metrics())) {
    EXPECT_NEAR(distance, distances.at(set), 1e-3 * distance) << set;
  }
  ASSERT_EQ(evaluate("run", {"--count", "12", "--seed", "4", "--overwrite"}).status, 0);
  for (const auto& [set, distance] : distances_in(metrics())) {
    EXPECT_GT(std::abs(distance - distances.at(set)), 2e-3 * distance) << set;
  }
}

TEST_F(SamplesCommand, LeavesThePriorOutThatAModelDoesNotHave) {
  save_splat_vae(folder / "plain.safetensors", SplatVae({16, 4, 3}));
  const auto run = evaluate("plain.safetensors", {"--count", "8"});
  ASSERT_EQ(run.status, 0) << run.errors;
  EXPECT_NE(run.errors.find("no row fitted_prior"), std::string::npos) << run.errors;
  const auto distances = distances_in(metrics());
  EXPECT_EQ(distances.size(), 4U);
  EXPECT_FALSE(distances.contains("fitted_prior"));
}

// Neither the model is looked for nor a folder made.
TEST_F(SamplesCommand, SaysAtOnceWhatItLacks) {
  expect_refusal(evaluate("nowhere", {}, "absent.safetensors"), 1, "scripts/setup.sh --features");
  expect_refusal(evaluate("nowhere", {"--count", "7"}), 2, "count: expected 8 to");
  expect_refusal(evaluate("nowhere", {"--floor-limit", "1"}), 2, "floor-limit");
  expect_refusal(evaluate("nowhere", {"--batch", "0"}), 2, "batch");
  expect_refusal(evaluate("nowhere", {"--dataset", "flowers"}), 2, "--data DIR");
  EXPECT_FALSE(fs::exists(folder / "out"));
  fs::create_directory(folder / "out");
  std::ofstream(folder / "out" / "samples.png") << "an hour of work";
  expect_refusal(evaluate("nowhere", {}), 2, "samples.png is there already");
  std::ofstream(folder / "file") << "no folder";
  expect_refusal(evaluate("nowhere", {"--out", (folder / "file" / "deep").string()}), 1,
                 "file/deep");
}

TEST_F(SamplesCommand, RefusesPicturesThatAreTooFewOrWereTrainedOn) {
  ASSERT_EQ(run_command(testing::tiny_training(folder / "run")).status, 0);
  expect_refusal(evaluate("run", {"--count", "65"}), 2, "at most 64, the pictures of --split");
  expect_refusal(evaluate("run", {"--count", "65", "--split", "train", "--allow-trained-on",
                                  "--real-splits", "test"}),
                 2, "at most 64, the pictures of --real-splits");
  expect_refusal(evaluate("run", {"--real-splits", "val"}), 1, "the split val of smoke");
  expect_refusal(evaluate("run", {"--split", "train"}), 2, "choose another --split");
  EXPECT_FALSE(fs::exists(folder / "out"));
}

}  // namespace
}  // namespace neurosplat
