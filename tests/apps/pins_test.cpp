// Runs that earlier programs wrote: today's go on with them, read their options and their models.
// What they are and how they were made: tests/pins/README.md.
#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "apps/programs.h"
#include "apps/run_files.h"
#include "neurosplat/io/safetensors.h"

namespace neurosplat::testing {
namespace {

namespace fs = std::filesystem;
using Arguments = std::vector<std::string>;

/// Of a figure of loss.csv. Other processors and thread counts differ by 4e-6, a checkpoint whose
/// noise, step count or one of whose moments is lost by 7e-3.
constexpr double kFigureBound = 1e-4;
/// Of a tensor's norm and sum, against its norm: likewise 4e-5 and 4e-2.
constexpr double kWeightBound = 1e-3;

void unpack(const fs::path& from, const fs::path& to) {
  const gzFile packed = gzopen(from.c_str(), "rb");
  if (packed == nullptr) throw std::runtime_error("cannot open " + from.string());
  std::ofstream out(to, std::ios::binary);
  std::array<char, 1 << 16> part;
  int count = 0;
  while ((count = gzread(packed, part.data(), part.size())) > 0) out.write(part.data(), count);
  gzclose(packed);
  if (count < 0) throw std::runtime_error("cannot unpack " + from.string());
}

/// A table of text: one list of fields a line.
std::vector<std::vector<std::string>> fields_of(const fs::path& csv) {
  std::vector<std::vector<std::string>> table;
  for (const auto& line : lines_of(csv)) {
    std::istringstream in(line);
    table.emplace_back();
    for (std::string field; std::getline(in, field, ',');) table.back().push_back(field);
  }
  return table;
}

class PinnedRun : public ::testing::TestWithParam<const char*> {
 protected:
  fs::path pinned(const std::string& name) const {
    return source_folder() / "tests" / "pins" / GetParam() / name;
  }

  /// The run `name` as it was written, at `run` of the temporary folder, beside the frames.
  void bring(const std::string& name) const {
    fs::copy(source_folder() / "tests" / "pins" / "frames", folder / "frames");
    for (const auto& entry : fs::recursive_directory_iterator(pinned(name))) {
      if (entry.is_directory()) continue;
      const auto to = folder / "run" / entry.path().lexically_relative(pinned(name));
      fs::create_directories(to.parent_path());
      if (to.extension() == ".gz") {
        unpack(entry.path(), fs::path(to).replace_extension());
      } else {
        fs::copy_file(entry.path(), to);
      }
    }
  }

  Finished run(const std::string& name, const Arguments& arguments) const {
    return run_command(with({program(name)}, arguments), folder.path());
  }

  void expect_success(const std::string& name, const Arguments& arguments) const {
    const auto finished = run(name, arguments);
    ASSERT_EQ(finished.status, 0) << name << ' ' << arguments[0] << ": " << finished.errors;
  }

  void expect_pinned_losses() const {
    const auto now = fields_of(folder / "run" / "loss.csv");
    const auto then = fields_of(pinned("expected") / "loss.csv");
    ASSERT_EQ(now.size(), then.size());
    EXPECT_EQ(now[0], then[0]) << "the header";
    for (std::size_t row = 1; row < then.size(); ++row) {
      ASSERT_EQ(now[row].size(), then[row].size());
      for (std::size_t i = 0; i < then[row].size(); ++i) {
        const double expected = std::stod(then[row][i]);
        EXPECT_NEAR(std::stod(now[row][i]), expected, kFigureBound * std::abs(expected))
            << then[0][i] << " of epoch " << row;
      }
    }
  }

  void expect_pinned_weights() const {
    const auto table = fields_of(pinned("expected") / "weights.csv");
    ASSERT_GT(table.size(), 20U);
    for (std::size_t row = 1; row < table.size(); ++row) {
      const auto& file = table[row][0];
      const auto& name = table[row][1];
      const auto tensors = read_safetensors(folder / "run" / file).tensors;
      ASSERT_TRUE(tensors.contains(name)) << name << " is not in " << file;
      const auto values = tensors.at(name).to(at::kDouble);
      const double norm = std::stod(table[row][2]), sum = std::stod(table[row][3]);
      EXPECT_NEAR(values.norm().item<double>(), norm, kWeightBound * norm) << file << ' ' << name;
      EXPECT_NEAR(values.sum().item<double>(), sum, kWeightBound * norm) << file << ' ' << name;
    }
  }

  void expect_goes_on(const std::string& name) const {
    bring(name);
    const auto before = lines_of(folder / "run" / "loss.csv");
    const auto metrics = lines_of(folder / "run" / "metrics.jsonl");
    expect_success("neurosplat-train",
                   {GetParam(), "--resume", "run", "--epochs", "3", "--max-steps", "0"});
    const auto after = lines_of(folder / "run" / "loss.csv");
    ASSERT_GT(after.size(), before.size());
    EXPECT_TRUE(std::equal(before.begin(), before.end(), after.begin()))
        << "lines of earlier epochs";
    expect_pinned_losses();
    expect_pinned_weights();
    const auto first = nlohmann::json::parse(metrics.front());
    const auto last = nlohmann::json::parse(lines_of(folder / "run" / "metrics.jsonl").back());
    for (const auto& [key, value] : first.items()) {
      EXPECT_TRUE(last.contains(key)) << key << " is no longer in metrics.jsonl";
    }
  }

  TemporaryFolder folder;
};

TEST_P(PinnedRun, ThatEndedGoesOnAsItWouldHave) {
  expect_goes_on("ended");
}

TEST_P(PinnedRun, ThatStoppedInMidEpochGoesOnAsItWouldHave) {
  expect_goes_on("stopped");
}

TEST_P(PinnedRun, HasOptionsThatAreStillTaken) {
  bring("ended");
  expect_success("neurosplat-train", {GetParam(), "--config", "run/config.json", "--out", "new",
                                      "--epochs", "1", "--max-steps", "1"});
  const auto then = nlohmann::json::parse(text_of(folder / "run" / "config.json"));
  const auto now = nlohmann::json::parse(text_of(folder / "new" / "config.json"));
  for (const auto& [option, value] : then.items()) {
    if (option == "out" || option == "epochs" || option == "max_steps") continue;
    EXPECT_EQ(now.value(option, nlohmann::json()), value) << option;
  }
}

TEST_P(PinnedRun, HasAModelThatEveryProgramReads) {
  bring("ended");
  expect_success("neurosplat-sample", {"splat-vae", "--model", "run", "--count", "2"});
  EXPECT_TRUE(fs::exists(folder / "samples.png"));
  expect_success("neurosplat-evaluate", {"reconstruction", "--model", "run/model.safetensors",
                                         "--images", "frames", "--out", "measured"});
  const auto metrics = nlohmann::json::parse(text_of(folder / "measured" / "metrics.json"));
  EXPECT_EQ(metrics["results"]["images"], 14);
  expect_success("neurosplat-live", {"lock", "--model", "run", "--source", "frames", "--headless",
                                     "--frames", "2", "--out", "locked"});
  Arguments temporal = {"temporal",   "--model",  "run", "--source", "frames",
                        "--headless", "--frames", "3",   "--out",    "seen"};
  if (fs::exists(folder / "run" / "koopman.safetensors")) {
    temporal.insert(temporal.end(), {"--koopman", "run"});
  }
  expect_success("neurosplat-live", temporal);
  EXPECT_EQ(contents_of(folder / "seen").size(), 3U);
}

std::string name_of(const ::testing::TestParamInfo<const char*>& info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(All, PinnedRun, ::testing::Values("splat-vae", "splat-predictor"),
                         name_of);

}  // namespace
}  // namespace neurosplat::testing
