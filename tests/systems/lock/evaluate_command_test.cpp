// neurosplat-evaluate lock as a user meets it.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "neurosplat/core/text.h"
#include "neurosplat/io/frame_sink.h"
#include "neurosplat/io/image_file.h"
#include "neurosplat/systems/splat_vae/model_file.h"
#include "support/command.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;
using testing::Finished;

at::Tensor wave(std::int64_t height, std::int64_t width, int phase) {
  const auto x = at::linspace(0.0, 3.0, width).view({1, 1, width});
  const auto y = at::linspace(0.0, 2.0, height).view({1, height, 1});
  return (0.5 + 0.4 * at::sin(x + y + 0.2 * phase)).expand({3, height, width});
}

/// A random model, a folder of two pictures and a video of five frames.
class EvaluateLock : public ::testing::Test {
 protected:
  void SetUp() override {
    save_splat_vae(folder_ / "model.safetensors", SplatVae({32, 16, 8}, 1));
    fs::create_directories(folder_ / "some");
    for (int i = 0; i < 2; ++i) write_png(folder_ / "some" / text(i, ".png"), wave(40, 50, i));
    const auto sink = open_frame_sink(folder_ / "clip.mp4", 25.0);
    for (int i = 0; i < 5; ++i) sink->write(wave(48, 64, i));
    sink->close();
  }

  std::string path(const char* name) const { return (folder_ / name).string(); }

  std::vector<std::string> all_of(const std::vector<std::string>& more) const {
    std::vector<std::string> all = {testing::program("neurosplat-evaluate"),
                                    "lock",
                                    "--model",
                                    path("model.safetensors"),
                                    "--threads",
                                    "1",
                                    "--out",
                                    path("out")};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }

  Finished lock(const std::vector<std::string>& more) const {
    return testing::run_command(all_of(more));
  }

  /// Fails with `status` and one line that holds `part`; nothing is written.
  void expect_refusal(const std::vector<std::string>& more, int status,
                      const std::string& part) const {
    const auto run = lock(more);
    EXPECT_EQ(run.status, status) << run.errors;
    EXPECT_EQ(run.output, "");
    EXPECT_EQ(std::count(run.errors.begin(), run.errors.end(), '\n'), 1) << run.errors;
    EXPECT_NE(run.errors.find(part), std::string::npos) << run.errors;
    EXPECT_FALSE(fs::exists(folder_ / "out"));
  }

  testing::TemporaryFolder folder_;
};

TEST_F(EvaluateLock, WritesWhatItMeasured) {
  const auto run = lock({"--dataset",       "smoke",
                         "--count",         "2",
                         "--kodak",         path("some"),
                         "--images",        path("some") + "/",
                         "--video",         path("clip.mp4"),
                         "--solvers",       "closed-form,adam-0.2x2",
                         "--budgets",       "5,20",
                         "--still-frames",  "2",
                         "--still-budgets", "5",
                         "--video-budgets", "20"});
  ASSERT_EQ(run.status, 0) << run.errors;
  std::ifstream in(folder_ / "out" / "metrics.json");
  const auto metrics = nlohmann::json::parse(in);
  EXPECT_EQ(metrics["experiment"], "lock");
  EXPECT_EQ(metrics["settings"]["still_frames"], 2);
  EXPECT_EQ(metrics["results"]["complete"], true);
  EXPECT_FALSE(metrics.contains("reference"));  // published for flowers at 128 pixels only
  const auto& rows = metrics["results"]["rows"];
  EXPECT_EQ(rows.size(), 3U * 2 * 3 + 2);  // three sets of pictures, two solvers, and the video
  std::set<std::string> sets;
  for (const auto& row : rows) {
    sets.insert(row["set"].get<std::string>());
    std::set<std::string> keys;
    for (const auto& [key, value] : row.items()) keys.insert(key);
    std::set<std::string> expected = {"set",
                                      "mode",
                                      "solver",
                                      "budget_ms",
                                      "pictures",
                                      "psnr_mean_db",
                                      "prior_db",
                                      "latency_p50_ms",
                                      "latency_p99_ms",
                                      "floaters_per_image",
                                      "spurious_per_image"};
    if (row["mode"] == "video") expected.insert("dropped_frames");
    EXPECT_EQ(keys, expected);
    if (row["mode"] == "video") {
      EXPECT_EQ(row["pictures"].get<int>() + row["dropped_frames"].get<int>(), 5);
    } else {
      EXPECT_EQ(row["pictures"], 2);
    }
  }
  EXPECT_EQ(sets, (std::set<std::string>{"smoke", "kodak", "some", "clip"}));
  EXPECT_EQ(static_cast<std::size_t>(std::count(run.output.begin(), run.output.end(), '\n')),
            rows.size() + 2);  // a heading, and where the files are
  for (const char* name : {"lock_curve.png", "examples.png"}) {
    EXPECT_GT(read_picture(folder_ / "out" / name).size(2), 500) << name;
  }
  EXPECT_TRUE(fs::exists(folder_ / "out" / "per_picture.csv"));
}

std::int64_t lines_in(const fs::path& path) {
  std::ifstream in(path);
  return std::count(std::istreambuf_iterator<char>(in), {}, '\n');
}

/// Sends `signal` once the table has `lines`; the exit code.
int interrupted(const std::vector<std::string>& command, const fs::path& table, int lines,
                int signal) {
  std::string line = "exec";
  for (const auto& word : command) line += " '" + word + "'";
  line += " >'" + table.string() + "'";
  const int process = testing::start_command({"/bin/sh", "-c", line});
  for (int i = 0; i < 600 && lines_in(table) < lines; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  ::kill(process, signal);
  return testing::wait_for_command(process);
}

// Of the three rows of the first solver the last would take ten minutes.
TEST_F(EvaluateLock, AnInterruptLeavesTheRowsThatWereMeasured) {
  fs::create_directories(folder_ / "out");
  std::ofstream(folder_ / "out" / "examples.png") << "of an earlier run";
  const auto command = all_of({"--kodak", path("some"), "--video", path("clip.mp4"), "--solvers",
                               "latent", "--budgets", "5,10", "--still-budgets", "10",
                               "--still-frames", "30000", "--overwrite"});
  EXPECT_EQ(interrupted(command, folder_ / "table", 3, SIGINT), 130);
  std::ifstream in(folder_ / "out" / "metrics.json");
  const auto results = nlohmann::json::parse(in)["results"];
  EXPECT_EQ(results["complete"], false);
  ASSERT_EQ(results["rows"].size(), 2U);
  EXPECT_EQ(results["rows"][0]["budget_ms"], 5);
  EXPECT_EQ(results["rows"][1]["budget_ms"], 10);
  EXPECT_EQ(lines_in(folder_ / "out" / "per_picture.csv"), 1 + 2 * 2);
  EXPECT_GT(read_picture(folder_ / "out" / "lock_curve.png").size(2), 500);
  EXPECT_FALSE(fs::exists(folder_ / "out" / "examples.png"));
}

TEST_F(EvaluateLock, AnInterruptBeforeTheFirstRowLeavesNothing) {
  const auto command = all_of({"--dataset", "smoke", "--count", "60", "--solvers", "latent",
                               "--budgets", "300", "--still-budgets", "5"});
  EXPECT_EQ(interrupted(command, folder_ / "table", 1, SIGTERM), 128 + SIGTERM);
  EXPECT_FALSE(fs::exists(folder_ / "out"));
}

TEST_F(EvaluateLock, SaysWhatWentWrong) {
  const std::vector<std::string> some = {"--kodak", path("some")};
  const auto with = [&](const std::vector<std::string>& more) {
    auto all = some;
    all.insert(all.end(), more.begin(), more.end());
    return all;
  };
  expect_refusal({}, 2, "--kodak");
  expect_refusal(with({"--solvers", "newton"}), 2, "newton");
  expect_refusal(with({"--solvers", "adam-0.2"}), 2, "RATExSTEPS");
  expect_refusal(with({"--solvers", "iterative-0"}), 2, "steps");
  expect_refusal(with({"--solvers", "iterative-x"}), 2, "iterative-STEPS");
  expect_refusal(with({"--budgets", "0"}), 2, "budgets");
  expect_refusal(with({"--budgets", "33,-5"}), 2, "budgets");
  expect_refusal(with({"--budgets", "fast"}), 2, "fast");
  expect_refusal(with({"--still-budgets", "0"}), 2, "still-budgets");
  expect_refusal(with({"--still-frames", "0"}), 2, "still-frames");
  expect_refusal(with({"--count", "0"}), 2, "count");
  expect_refusal(with({"--example-budget", "0"}), 2, "example-budget");
  expect_refusal(with({"--seed", "-1"}), 2, "seed");
  expect_refusal({"--kodak", path("nowhere")}, 1, "nowhere");
  expect_refusal({"--images", path("nowhere")}, 1, "nowhere");
  expect_refusal({"--video", path("nowhere.mp4")}, 1, "nowhere.mp4");
  expect_refusal({"--data", path("nowhere")}, 1, "nowhere");
  fs::create_directories(folder_ / "empty");
  expect_refusal({"--kodak", path("empty")}, 1, "found none");
  std::ofstream(folder_ / "broken.safetensors") << "no model";
  expect_refusal(with({"--model", path("broken.safetensors")}), 1, "broken.safetensors");
  expect_refusal(with({"--model", path("nowhere")}), 1, "nowhere");
}

// The model is not even looked for where the results could not be written.
TEST_F(EvaluateLock, SaysAtOnceWhereItCannotWrite) {
  std::ofstream(folder_ / "file") << "no folder";
  fs::create_directories(folder_ / "results");
  std::ofstream(folder_ / "results" / "metrics.json") << "figures";
  const std::vector<std::string> nothing = {"--model", path("nowhere"), "--dataset", "smoke"};
  const auto with = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), nothing.begin(), nothing.end());
    return arguments;
  };
  expect_refusal(with({"--out", (folder_ / "file" / "deep").string()}), 1, "file/deep");
  expect_refusal(with({"--out", path("results")}), 2, "metrics.json is there already");
  expect_refusal(with({"--out", path("results"), "--overwrite"}), 1, "nowhere: no such file");
  std::ifstream in(folder_ / "results" / "metrics.json");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), "figures");
}

}  // namespace
}  // namespace neurosplat
