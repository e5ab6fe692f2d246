#pragma once

#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "apps/programs.h"
#include "apps/run_files.h"
#include "apps/training_rows.h"

namespace neurosplat::testing {

using Arguments = std::vector<std::string>;

/// Trains what the row says, in a temporary folder in which all commands run.
class TrainingContract : public ::testing::TestWithParam<TrainingRow> {
 protected:
  void SetUp() override {
    std::filesystem::copy(source_folder() / "tests" / "pins" / "frames", folder / "frames");
  }

  const TrainingRow& row() const { return GetParam(); }

  Arguments command(const Arguments& more) const {
    return with({program("neurosplat-train"), row().command}, more);
  }

  /// A run from the start into `out`; one thread, so that sums are added in one order.
  Arguments fresh(const std::string& out, int epochs, const Arguments& more = {}) const {
    return with(with(command(row().tiny), {"--device", "cpu", "--threads", "1", "--out", out,
                                           "--epochs", std::to_string(epochs)}),
                more);
  }

  Finished run(const Arguments& arguments) const { return run_command(arguments, folder.path()); }

  void expect_success(const Arguments& arguments) const {
    const auto finished = run(arguments);
    ASSERT_EQ(finished.status, 0) << finished.errors;
  }

  /// Waits for `reached`, sends `signal`, waits for the end; the status.
  template <class Reached>
  int start_and_signal(const Arguments& arguments, int signal, Reached reached) const {
    const int process = start_command(arguments, folder.path());
    const bool came = wait_until(reached);
    kill(process, came ? signal : SIGKILL);
    const int status = wait_for_command(process);
    EXPECT_TRUE(came) << "it did not train as far as expected";
    return status;
  }

  void expect_whole(const std::string& run, std::size_t epochs) const {
    const auto path = folder / run;
    EXPECT_TRUE(nlohmann::json::parse(text_of(path / "config.json")).is_object());
    const auto losses = lines_of(path / "loss.csv");
    ASSERT_EQ(losses.size(), epochs + 1) << run;
    EXPECT_TRUE(losses[0].starts_with("epoch,")) << losses[0];
    const auto metrics = lines_of(path / "metrics.jsonl");
    ASSERT_EQ(metrics.size(), epochs) << run;
    const auto commas = [](const std::string& line) { return std::ranges::count(line, ','); };
    for (std::size_t epoch = 1; epoch <= epochs; ++epoch) {
      EXPECT_TRUE(losses[epoch].starts_with(std::to_string(epoch) + ",")) << losses[epoch];
      EXPECT_EQ(commas(losses[epoch]), commas(losses[0])) << losses[epoch];
      EXPECT_EQ(nlohmann::json::parse(metrics[epoch - 1]).at("epoch"), epoch);
    }
    for (const auto& model : row().models) {
      EXPECT_FALSE(read_safetensors(path / model).tensors.empty()) << model;
    }
    EXPECT_TRUE(std::filesystem::exists(newest_checkpoint(path)));
    expect_no_leftovers(path);
  }

  /// Every bit of what was learned, of what training would go on from, and every line of loss.csv.
  void expect_same_run(const std::string& one, const std::string& other) const {
    EXPECT_EQ(text_of(folder / one / "loss.csv"), text_of(folder / other / "loss.csv"));
    for (const auto& model : row().models) {
      expect_same_tensors(folder / one / model, folder / other / model);
    }
    const auto newest = newest_checkpoint(folder / one), same = newest_checkpoint(folder / other);
    EXPECT_EQ(newest.filename(), same.filename());
    expect_same_tensors(newest, same);
  }

  /// Goes on with a run that was ended, through an epoch more, and makes the same without an end.
  void expect_same_as_at_once(const std::string& ended, const Arguments& more) const {
    const auto epochs = position_of(newest_checkpoint(folder / ended), "epoch") + 2;
    expect_success(command({"--resume", ended, "--epochs", std::to_string(epochs)}));
    expect_success(fresh("whole", static_cast<int>(epochs), more));
    expect_whole(ended, static_cast<std::size_t>(epochs));
    expect_same_run(ended, "whole");
  }

  TemporaryFolder folder;
};

inline std::string name_of(const ::testing::TestParamInfo<TrainingRow>& info) {
  auto name = info.param.command;
  std::ranges::replace(name, '-', '_');
  return name;
}

}  // namespace neurosplat::testing
