// Runs that write events, watched by Python's tensorboard.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "neurosplat/io/event_file.h"
#include "report/result_files.h"
#include "support/command.h"
#include "support/temporary_folder.h"

namespace neurosplat::testing {
namespace {

namespace fs = std::filesystem;
using Arguments = std::vector<std::string>;

class TensorBoard : public ::testing::Test {
 protected:
  Finished train(const Arguments& more) const {
    Arguments all = {program("neurosplat-train"),
                     "splat-vae",
                     "--out",
                     "run",
                     "--device",
                     "cpu",
                     "--threads",
                     "1",
                     "--tensorboard"};
    all.insert(all.end(), more.begin(), more.end());
    return run_command(all, folder_.path());
  }
  Arguments tiny() const {
    return {"--dataset",
            "synthetic",
            "--splits",
            "val",
            "--batch",
            "32",
            "--image-size",
            "16",
            "--num-packets",
            "4",
            "--latent",
            "2",
            "--held-out-every",
            "1",
            "--held-out-split",
            "test",
            "--held-out-pictures",
            "8"};
  }
  std::vector<fs::path> event_files() const {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(folder_ / "run")) {
      if (is_event_file(entry.path().filename().string())) files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    return files;
  }
  std::vector<nlohmann::json> metrics() const {
    std::vector<nlohmann::json> lines;
    std::ifstream in(folder_ / "run/metrics.jsonl");
    for (std::string line; std::getline(in, line);) lines.push_back(nlohmann::json::parse(line));
    return lines;
  }
  TemporaryFolder folder_;
};

TEST_F(TensorBoard, IsOffUnlessAskedFor) {
  auto arguments = tiny();
  arguments.insert(arguments.end(), {"--epochs", "1", "--no-tensorboard"});
  ASSERT_EQ(train(arguments).status, 0);
  EXPECT_TRUE(event_files().empty());
}

TEST_F(TensorBoard, ReplacedRunsLeaveNoEvents) {
  auto arguments = tiny();
  arguments.insert(arguments.end(), {"--epochs", "1"});
  ASSERT_EQ(train(arguments).status, 0);
  ASSERT_EQ(event_files().size(), 1U);
  const auto first = event_files()[0];
  arguments.push_back("--overwrite");
  ASSERT_EQ(train(arguments).status, 0);
  ASSERT_EQ(event_files().size(), 1U);
  EXPECT_NE(event_files()[0].filename(), first.filename());
}

constexpr const char* kReader = R"(
import json, sys
from tensorboard.backend.event_processing import event_accumulator
events = event_accumulator.EventAccumulator(sys.argv[1], size_guidance=dict(scalars=0, images=0))
events.Reload()
tags = events.Tags()
print(json.dumps(dict(
    scalars={tag: [[e.step, e.value] for e in events.Scalars(tag)] for tag in tags['scalars']},
    images={tag: [[e.step, e.encoded_image_string.hex()] for e in events.Images(tag)] for tag in tags['images']})))
)";

std::string hex(const std::string& bytes) {
  std::string digits;
  for (const char byte : bytes) {
    for (const int part : {(byte >> 4) & 15, byte & 15}) digits += "0123456789abcdef"[part];
  }
  return digits;
}

/// Of the tag GROUP/KEY, [step, value] each; null where there is none.
nlohmann::json points_of(const nlohmann::json& scalars, const std::string& key) {
  for (const auto& [tag, points] : scalars.items()) {
    if (tag.ends_with("/" + key)) return points;
  }
  return nullptr;
}

TEST_F(TensorBoard, ShowsEveryNumberAndSheetOfARunInTwoParts) {
  const auto python = python_with("tensorboard");
  if (!python) GTEST_SKIP() << "SKIPPED: no Python with tensorboard; set NEUROSPLAT_PYTHON";
  auto arguments = tiny();
  arguments.insert(arguments.end(), {"--epochs", "3", "--checkpoint-every", "2"});
  ASSERT_EQ(train(arguments).status, 0);
  // As if it had been killed after epoch 3, whose checkpoint was never written.
  std::vector<fs::path> checkpoints;
  for (const auto& entry : fs::directory_iterator(folder_ / "run/checkpoints")) {
    checkpoints.push_back(entry.path());
  }
  ASSERT_EQ(checkpoints.size(), 2U);
  fs::remove(*std::max_element(checkpoints.begin(), checkpoints.end()));
  const auto resumed =
      run_command({program("neurosplat-train"), "splat-vae", "--resume", "run", "--epochs", "4"},
                  folder_.path());
  ASSERT_EQ(resumed.status, 0) << resumed.errors;
  ASSERT_NE(resumed.errors.find("epoch 3, batch 1"), std::string::npos) << resumed.errors;
  EXPECT_EQ(event_files().size(), 2U);
  const auto lines = metrics();
  ASSERT_EQ(lines.size(), 4U);
  const auto read = run_command({*python, "-c", kReader, (folder_ / "run").string()});
  ASSERT_EQ(read.status, 0) << read.errors;
  const auto shown = nlohmann::json::parse(read.output);
  std::size_t numbers = 0;
  for (const auto& [key, value] : lines[0].items()) {
    if (key == "step" || !value.is_number()) continue;
    ++numbers;
    const auto points = points_of(shown["scalars"], key);
    ASSERT_EQ(points.size(), 4U) << key;
    for (std::size_t i = 0; i < 4; ++i) {
      EXPECT_EQ(points[i][0], lines[i]["step"]) << key;
      EXPECT_EQ(points[i][1].get<double>(), lines[i][key].get<float>()) << key;
    }
  }
  EXPECT_GE(numbers, 8U);
  EXPECT_NE(shown["scalars"].dump().find("\"held_out/"), std::string::npos);
  for (const char* sheet : {"recon", "sample"}) {
    const auto& images = shown["images"][std::string("pictures/") + sheet];
    ASSERT_EQ(images.size(), 4U) << sheet;
    const auto file = folder_ / "run" / (std::string(sheet) + "_004.png");
    EXPECT_EQ(images[3][0], lines[3]["step"]);
    EXPECT_EQ(images[3][1], hex(bytes_of(file))) << sheet;
  }
}

}  // namespace
}  // namespace neurosplat::testing
