// The evaluations of patch flows as a user meets them.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "neurosplat/io/image_file.h"
#include "neurosplat/systems/patch_flow/model_file.h"
#include "support/command.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;

class EvaluatePatchFlow : public ::testing::Test {
 protected:
  void SetUp() override {
    PatchFlowArchitecture sizes = {
        .image_size = 32, .width = 16, .depth = 1, .heads = 1, .hidden = 8};
    save_patch_flow(folder_ / "model.safetensors", PatchFlow(sizes), {{"dataset", "smoke"}});
    sizes.head = "pixels";
    save_patch_flow(folder_ / "pixels.safetensors", PatchFlow(sizes), {{"dataset", "smoke"}});
  }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  testing::Finished evaluate(const std::string& command,
                             const std::vector<std::string>& more) const {
    std::vector<std::string> all = {
        testing::program("neurosplat-evaluate"), command, "--threads", "1", "--out", path("out")};
    all.insert(all.end(), more.begin(), more.end());
    return testing::run_command(all);
  }

  static void expect_refusal(const testing::Finished& run, int status, const std::string& part) {
    EXPECT_EQ(run.status, status) << run.errors;
    EXPECT_EQ(std::count(run.errors.begin(), run.errors.end(), '\n'), 1) << run.errors;
    EXPECT_NE(run.errors.find(part), std::string::npos) << run.errors;
  }

  nlohmann::json results() const {
    std::ifstream in(folder_ / "out" / "metrics.json");
    return nlohmann::json::parse(in).at("results");
  }

  void write_record(const std::string& lines) const {
    fs::create_directories(folder_ / "Run-2");
    std::ofstream(folder_ / "Run-2" / "metrics.jsonl") << lines;
  }

  testing::TemporaryFolder folder_;
};

TEST_F(EvaluatePatchFlow, KernelsAreFittedEachWithAndWithoutSharing) {
  const auto run =
      evaluate("patch-flow-kernels", {"--dataset", "smoke", "--pictures", "2", "--steps", "3"});
  ASSERT_EQ(run.status, 0) << run.errors;
  const auto found = results();
  ASSERT_EQ(found["rows"].size(), 8);
  for (const auto& row : found["rows"]) {
    for (const char* key :
         {"psnr_mean_db", "gradient_energy_ratio", "seam_ratio", "box_filtered_32_psnr_mean_db"}) {
      EXPECT_GT(row[key].get<double>(), 0) << key;
    }
  }
  EXPECT_TRUE(fs::exists(folder_ / "out" / "kernels.png"));
  expect_refusal(
      evaluate("patch-flow-kernels", {"--dataset", "smoke", "--splats", "15", "--overwrite"}), 2,
      "splats: expected a square number");
  expect_refusal(evaluate("patch-flow-kernels", {"--overwrite"}), 2, "data: expected the folder");
}

TEST_F(EvaluatePatchFlow, SeamsOfSamplesAndOverTraining) {
  write_record(
      "{\"epoch\": 1, \"step\": 10, \"sample_seam_ratio\": 1.5}\n"
      "{\"epoch\": 2, \"step\": 20}\n"
      "{\"epoch\": 3, \"step\": 30, \"sample_seam_ratio\": 1.25}\n");
  const auto run = evaluate("patch-flow-seams", {"--model", path("model.safetensors"), "--run",
                                                 path("Run-2"), "--count", "2", "--steps", "2"});
  ASSERT_EQ(run.status, 0) << run.errors;
  const auto found = results();
  EXPECT_EQ(found["rows"].size(), 4);
  EXPECT_EQ(found["seam_ratio"], found["rows"][2]["seam_ratio"]);
  EXPECT_EQ(found["run_run_2_steps"], nlohmann::json({10.0, 30.0}));
  EXPECT_EQ(found["run_run_2_seam_ratios"], nlohmann::json({1.5, 1.25}));
}

TEST_F(EvaluatePatchFlow, SeamsRefuseWhatHasNone) {
  expect_refusal(evaluate("patch-flow-seams", {"--model", path("pixels.safetensors")}), 1,
                 "expected one that gives splats");
  write_record("{\"epoch\": 1, \"step\": 10}\n");
  const std::vector<std::string> with_run = {"--model", path("model.safetensors"), "--run",
                                             path("Run-2")};
  expect_refusal(evaluate("patch-flow-seams", with_run), 1, "expected rows with sample_seam_ratio");
  write_record("nonsense\n");
  expect_refusal(evaluate("patch-flow-seams", with_run), 1, "expected a JSON object a line");
}

TEST_F(EvaluatePatchFlow, QualityBesideHeldOutPicturesPcaAndATwin) {
  const auto run = evaluate("patch-flow-quality", {"--model", path("model.safetensors"), "--twin",
                                                   path("pixels.safetensors"), "--count", "16",
                                                   "--steps", "2", "--classifier-steps", "2"});
  ASSERT_EQ(run.status, 0) << run.errors;
  const auto found = results();
  std::vector<std::string> names;
  for (const auto& row : found["rows"]) names.push_back(row["set"]);
  EXPECT_EQ(names, (std::vector<std::string>{"held_out", "pca", "patch_flow", "twin"}));
  for (const char* key : {"fd_random", "fd_random_real_floor", "fd_random_pca", "fd_rotation",
                          "precision", "recall", "seam_ratio"}) {
    EXPECT_TRUE(found[key].is_number()) << key;
  }
  EXPECT_LT(found["fd_random_real_floor"], found["fd_random"]);
  EXPECT_TRUE(fs::exists(folder_ / "out" / "neighbours.png"));
}

TEST_F(EvaluatePatchFlow, QualityRefusesBadOptionsOnOneLine) {
  const std::vector<std::string> model = {"--model", path("model.safetensors")};
  const auto refused = [&](const std::vector<std::string>& more, const std::string& part) {
    auto all = model;
    all.insert(all.end(), more.begin(), more.end());
    expect_refusal(evaluate("patch-flow-quality", all), 2, part);
  };
  refused({"--count", "3"}, "count: expected");
  refused({"--count", "100000"}, "count: expected");
  refused({"--solver", "rk4"}, "expected euler or heun");
  refused({"--steps", "0"}, "steps: expected 1");
}

}  // namespace
}  // namespace neurosplat
