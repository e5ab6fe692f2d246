#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "support/command.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;
using testing::run_command;

std::string script() {
  return (testing::source_folder() / "scripts" / "bench.sh").string();
}

std::string programs() {
  return fs::path(testing::program("renderer_benchmark")).parent_path().string();
}

TEST(Bench, WritesTheRowsThatItPrints) {
  const testing::TemporaryFolder folder;
  const auto json = (folder / "rows.json").string();
  const auto finished =
      run_command({script(), "--quick", "--only", "renderer", "--json", json, "--bin", programs()});
  ASSERT_EQ(finished.status, 0) << finished.errors;
  EXPECT_NE(finished.output.find("| 512, 128 x 128, 4 | random | matrix | cpu |"),
            std::string::npos)
      << finished.output;
  std::ifstream in(json);
  const auto rows = nlohmann::json::parse(in);
  ASSERT_EQ(rows.size(), 8);  // two shapes, batch 1 and 4, matrix and dense
  const std::set<std::string> expected = {"implementation", "device",
                                          "batch",          "packets",
                                          "height",         "width",
                                          "forward_ms",     "forward_backward_ms",
                                          "forward_ratio",  "forward_backward_ratio",
                                          "packet_kind",    "gflops",
                                          "share_of_peak"};
  for (const auto& row : rows) {
    std::set<std::string> keys;
    for (const auto& [key, value] : row.items()) keys.insert(key);
    EXPECT_EQ(keys, expected);
    EXPECT_GT(row["forward_ms"].get<double>(), 0);
    EXPECT_GT(row["share_of_peak"].get<double>(), 0);
    if (row["implementation"] == "dense") {
      EXPECT_EQ(row["forward_ratio"], 1.0);
    }
  }
}

TEST(Bench, WritesWhatItMeasuresOfPatches) {
  const testing::TemporaryFolder folder;
  const auto json = (folder / "details.json").string();
  const auto finished = run_command(
      {script(), "--quick", "--only", "patches", "--details", json, "--bin", programs()});
  ASSERT_EQ(finished.status, 0) << finished.errors;
  EXPECT_NE(finished.output.find("| cosine | 3 x 3 | 0.125 |"), std::string::npos)
      << finished.output;
  std::ifstream in(json);
  const auto rows = nlohmann::json::parse(in)["patches"];
  ASSERT_EQ(rows.size(), 6);  // own and 3 x 3, two depth gains; growth over splats and pixels
  for (const auto& row : rows) {
    EXPECT_GT(row[row.contains("over") ? "forward_exponent" : "forward_backward_ratio"], 0.0);
  }
}

TEST(Bench, RefusesWhatItDoesNotKnow) {
  const auto refused = [](const std::vector<std::string>& arguments) {
    std::vector<std::string> command = {script()};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return run_command(command).status == 2;
  };
  EXPECT_TRUE(refused({"--fast"}));
  EXPECT_TRUE(refused({"--only", "everything"}));
  EXPECT_TRUE(refused({"--json"}));
  EXPECT_TRUE(refused({"--model", "somewhere"}));
  EXPECT_EQ(run_command({script(), "--help"}).status, 0);
}

}  // namespace
}  // namespace neurosplat
