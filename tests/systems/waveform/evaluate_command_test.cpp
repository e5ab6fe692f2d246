// The evaluation of waveform autoencoders as a user meets it.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "neurosplat/io/image_file.h"
#include "support/command.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

class EvaluateWaveform : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::make_unique<testing::TemporaryFolder>();
    const auto trained = testing::run_command(
        {testing::program("neurosplat-train"), "waveform-ae", "--smoke", "--out", path("run")});
    ASSERT_EQ(trained.status, 0) << trained.errors;
  }
  static void TearDownTestSuite() { folder_.reset(); }

  static std::string path(const std::string& name) { return (*folder_ / name).string(); }

  static testing::Finished evaluate(const std::vector<std::string>& more) {
    std::vector<std::string> all = {testing::program("neurosplat-evaluate"),
                                    "waveform",
                                    "--threads",
                                    "1",
                                    "--model",
                                    path("run"),
                                    "--out",
                                    path("out"),
                                    "--overwrite"};
    all.insert(all.end(), more.begin(), more.end());
    return testing::run_command(all);
  }

  static void expect_refusal(const testing::Finished& run, int status, const std::string& part) {
    EXPECT_EQ(run.status, status) << run.errors;
    EXPECT_NE(run.errors.find(part), std::string::npos) << run.errors;
  }

  static std::unique_ptr<testing::TemporaryFolder> folder_;
};
std::unique_ptr<testing::TemporaryFolder> EvaluateWaveform::folder_;

TEST_F(EvaluateWaveform, RowsBesideFloors) {
  const auto run = evaluate({"--shuffles", "19"});
  ASSERT_EQ(run.status, 0) << run.errors;
  std::ifstream in(path("out") + "/metrics.json");
  const auto rows = nlohmann::json::parse(in).at("results").at("rows");
  ASSERT_EQ(rows.size(), 3U);
  const std::vector<std::string> loops = {"ceiling", "synthetic", "real"};
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(rows[i].at("loop"), loops[i]);
    for (const char* key : {"psnr_mean_db", "ssim_mean", "latent_cosine", "retrieval_top1",
                            "mean_image_psnr_mean_db", "shuffled_psnr_mean_db", "permutation_p"}) {
      EXPECT_TRUE(rows[i].at(key).is_number()) << key;
    }
    // The mean picture is that of the training pictures, the same beside every loop.
    EXPECT_EQ(rows[i].at("mean_image_psnr_mean_db"), rows[0].at("mean_image_psnr_mean_db"));
    EXPECT_GE(rows[i].at("permutation_p"), 1.0 / 20);
  }
  EXPECT_EQ(rows[0].at("latent_cosine").get<double>(), 1.0);
  EXPECT_EQ(rows[0].at("retrieval_top1").get<double>(), 1.0);
  EXPECT_GT(read_picture(path("out") + "/waveform.png").size(1), 6 * 16);
}

TEST_F(EvaluateWaveform, RefusesWhatCannotBe) {
  expect_refusal(evaluate({"--count", "1"}), 2, "count: expected");
  expect_refusal(evaluate({"--shuffles", "0"}), 2, "shuffles: expected");
  expect_refusal(evaluate({"--model", path("none")}), 1, "no such file or folder");
  expect_refusal(evaluate({"--model", path("run/config.json")}), 1, "");
}

}  // namespace
}  // namespace neurosplat
