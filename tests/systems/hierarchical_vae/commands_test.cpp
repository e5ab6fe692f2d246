// Samples and the evaluation of hierarchical VAEs as a user meets them.
#include <gtest/gtest.h>

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

class HierarchicalVaeCommands : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::make_unique<testing::TemporaryFolder>();
    const auto trained =
        testing::run_command({testing::program("neurosplat-train"), "hierarchical-vae", "--smoke",
                              "--out", path("run")});
    ASSERT_EQ(trained.status, 0) << trained.errors;
  }
  static void TearDownTestSuite() { folder_.reset(); }

  static std::string path(const std::string& name) { return (*folder_ / name).string(); }

  static testing::Finished run(const std::string& program, const std::string& out,
                               const std::vector<std::string>& more) {
    std::vector<std::string> all = {testing::program(program),
                                    "hierarchical-vae",
                                    "--threads",
                                    "1",
                                    "--model",
                                    path("run"),
                                    "--out",
                                    path(out),
                                    "--overwrite"};
    all.insert(all.end(), more.begin(), more.end());
    return testing::run_command(all);
  }
  static testing::Finished evaluate(const std::vector<std::string>& more) {
    return run("neurosplat-evaluate", "out", more);
  }
  static testing::Finished sample(const std::vector<std::string>& more) {
    return run("neurosplat-sample", "samples.png", more);
  }

  static nlohmann::json metrics() {
    std::ifstream in(path("out") + "/metrics.json");
    return nlohmann::json::parse(in);
  }

  static void expect_refusal(const testing::Finished& run, int status, const std::string& part) {
    EXPECT_EQ(run.status, status) << run.errors;
    EXPECT_NE(run.errors.find(part), std::string::npos) << run.errors;
  }

  static std::unique_ptr<testing::TemporaryFolder> folder_;
};
std::unique_ptr<testing::TemporaryFolder> HierarchicalVaeCommands::folder_;

TEST_F(HierarchicalVaeCommands, RowsOfLevelsBesideFloors) {
  const auto run = evaluate({"--count", "20", "--floor-pictures", "40"});
  ASSERT_EQ(run.status, 0) << run.errors;
  const auto found = metrics().at("results");
  EXPECT_TRUE(found.at("bits_per_dimension_mean").is_number());
  EXPECT_TRUE(found.at("mean_image_psnr_mean_db").is_number());
  EXPECT_EQ(found.at("block_kl_nats").size(), 5U);
  const auto rows = found.at("rows");
  ASSERT_EQ(rows.size(), 4U);  // 1 twice, 2, 4, 8 pixels a side
  EXPECT_EQ(rows[0].at("up_to_side_px"), 1);
  EXPECT_EQ(rows[0].at("blocks"), 2);
  EXPECT_EQ(rows[3].at("numbers"), 4 * (1 + 1 + 4 + 16 + 64));
  for (const auto& row : rows) {
    for (const char* key : {"psnr_mean_db", "ssim_mean", "kl_nats", "active_units"}) {
      EXPECT_TRUE(row.at(key).is_number()) << key;
    }
  }
  EXPECT_TRUE(rows[0].at("pca_psnr_mean_db").is_number());
  // More numbers than pictures that the components are of.
  EXPECT_TRUE(rows[3].at("pca_psnr_mean_db").is_null());
  EXPECT_GT(read_picture(path("out") + "/levels.png").size(1), 5 * 16);
}

TEST_F(HierarchicalVaeCommands, PicturesOfAFolderWithoutFloors) {
  std::filesystem::create_directories(path("pictures"));
  for (const char* name : {"one", "two", "three"}) {
    write_png(path("pictures") + "/" + name + ".png", at::rand({3, 20, 24}));
  }
  const auto run = evaluate({"--pictures", path("pictures")});
  ASSERT_EQ(run.status, 0) << run.errors;
  EXPECT_EQ(metrics().at("settings").at("images"), 3);
  EXPECT_FALSE(metrics().at("results").contains("mean_image_psnr_mean_db"));
}

TEST_F(HierarchicalVaeCommands, SamplesByTemperature) {
  ASSERT_EQ(sample({"--count", "4", "--columns", "2"}).status, 0);
  const auto sheet = read_picture(path("samples.png"));
  EXPECT_EQ(sheet.sizes(), at::IntArrayRef({3, 2 * 18 + 2, 2 * 18 + 2}));
  ASSERT_EQ(sample({"--count", "4", "--columns", "2", "--temperature", "0"}).status, 0);
  EXPECT_FALSE(read_picture(path("samples.png")).equal(sheet));
}

TEST_F(HierarchicalVaeCommands, RefuseWhatCannotBe) {
  expect_refusal(evaluate({"--count", "1"}), 2, "count: expected");
  expect_refusal(evaluate({"--floor-pictures", "1"}), 2, "floor-pictures: expected");
  expect_refusal(evaluate({"--split", "train"}), 2, "split: expected");
  expect_refusal(evaluate({"--model", path("none")}), 1, "no such file or folder");
  expect_refusal(sample({"--temperature", "-1"}), 2, "temperature: expected");
  expect_refusal(sample({"--count", "0"}), 2, "count: expected");
  expect_refusal(sample({"--model", path("none")}), 1, "no such file or folder");
}

}  // namespace
}  // namespace neurosplat
