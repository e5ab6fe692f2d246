#include "neurosplat/evaluation/metrics_file.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <ctime>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>
#include <thread>

#include "io/one_line.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

using nlohmann::json;
using testing::one_line_error;
using testing::TemporaryFolder;

json read(const std::filesystem::path& path) {
  std::ifstream in(path);
  return json::parse(std::string(std::istreambuf_iterator<char>(in), {}));
}

MetricsFile example() {
  MetricsFile metrics;
  metrics.experiment = "reconstruction";
  metrics.settings = {{"split", "test"}, {"model", {{"latent", 128}}}};
  metrics.results = {{"images", 5849}, {"psnr_mean_db", 15.25}, {"ssim_mean", 0.5}};
  return metrics;
}

TEST(MetricsFile, WritesItsParts) {
  const TemporaryFolder folder;
  auto metrics = example();
  write_metrics(folder / "metrics.json", metrics);
  auto content = read(folder / "metrics.json");
  EXPECT_EQ(content["experiment"], "reconstruction");
  EXPECT_EQ(content["settings"]["model"]["latent"], 128);
  EXPECT_EQ(content["results"]["psnr_mean_db"], 15.25);
  EXPECT_FALSE(content.contains("reference"));
  metrics.reference = {{"psnr_mean_db", 15.07}};
  write_metrics(folder / "metrics.json", metrics);
  content = read(folder / "metrics.json");
  EXPECT_EQ(content["reference"]["psnr_mean_db"], 15.07);
  EXPECT_EQ(content.size(), 5U);
}

TEST(MetricsFile, WhatIsNoNumberBecomesNull) {
  const TemporaryFolder folder;
  auto metrics = example();
  metrics.results["psnr_mean_db"] = std::numeric_limits<double>::quiet_NaN();
  metrics.results["psnr_best_db"] = std::numeric_limits<double>::infinity();
  write_metrics(folder / "metrics.json", metrics);
  const auto results = read(folder / "metrics.json")["results"];
  EXPECT_TRUE(results["psnr_mean_db"].is_null());
  EXPECT_TRUE(results["psnr_best_db"].is_null());
}

TEST(MetricsFile, KeepsLists) {
  const TemporaryFolder folder;
  auto metrics = example();
  metrics.results["fixations"] = {{85, 166}, {159, 237}};
  write_metrics(folder / "metrics.json", metrics);
  EXPECT_EQ(read(folder / "metrics.json")["results"]["fixations"],
            json::parse("[[85, 166], [159, 237]]"));
}

TEST(MetricsFile, KeepsTables) {
  const TemporaryFolder folder;
  auto metrics = example();
  metrics.results["rows"] = {{{"solver", "adam"}, {"psnr_mean_db", 17.5}}, {{"solver", "latent"}}};
  write_metrics(folder / "metrics.json", metrics);
  const auto rows = read(folder / "metrics.json")["results"]["rows"];
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0]["psnr_mean_db"], 17.5);
}

TEST(MetricsFile, RefusesResultsOfAnotherForm) {
  const TemporaryFolder folder;
  const auto refused = [&](const char* key, const nlohmann::ordered_json& value) {
    auto metrics = example();
    metrics.results[key] = value;
    const auto message = one_line_error([&] { write_metrics(folder / "metrics.json", metrics); });
    EXPECT_NE(message.find(key), std::string::npos) << message;
  };
  refused("psnrMean", 1);
  refused("psnr mean", 1);
  refused("_db", 1);
  refused("db_", 1);
  refused("psnr__db", 1);
  refused("psnr_db", {{"mean", 1}});
  refused("fixations",
          nlohmann::ordered_json::array({nlohmann::ordered_json::object({{"row", 1}})}));
  refused("rows", 1);
  refused("rows", nlohmann::ordered_json::array({1, 2}));
  refused("rows", {{{"psnrMean", 1}}});
  refused("rows", {{{"places", {1, 2}}}});
  auto metrics = example();
  metrics.reference = {{"PSNR", 1}};
  one_line_error([&] { write_metrics(folder / "metrics.json", metrics); });
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(MetricsFile, EnvironmentSaysWhereItRan) {
  const json found = json::parse(environment().dump());
  for (const auto* key : {"neurosplat_version", "git_commit", "compiler", "torch_version",
                          "cpu_model", "device", "date_utc"}) {
    ASSERT_TRUE(found.contains(key)) << key;
    EXPECT_TRUE(found[key].is_string()) << key;
    EXPECT_NE(found[key], "") << key;
  }
  EXPECT_EQ(found["hardware_threads"], std::thread::hardware_concurrency());
  const std::string version = found["neurosplat_version"], torch = found["torch_version"];
  int parts_of_version[3] = {};
  for (const auto& numbers : {version, torch})
    EXPECT_EQ(std::sscanf(numbers.c_str(), "%d.%d.%d", &parts_of_version[0], &parts_of_version[1],
                          &parts_of_version[2]),
              3)
        << numbers;

  std::tm parts = {};
  const std::string date = found["date_utc"];
  const char* const end = strptime(date.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  ASSERT_NE(end, nullptr) << date;
  EXPECT_STREQ(end, "");
  EXPECT_NEAR(static_cast<double>(timegm(&parts)), static_cast<double>(std::time(nullptr)), 5.0);
}

}  // namespace
}  // namespace neurosplat
