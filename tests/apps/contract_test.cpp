// What every subcommand of neurosplat-train keeps, whatever it trains.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "apps/training_contract.h"

namespace neurosplat::testing {
namespace {

namespace fs = std::filesystem;

TEST_P(TrainingContract, SmokeWorksAndLeavesWhatItSays) {
  const auto smoke = run(command({"--smoke", "--out", "smoke"}));
  ASSERT_EQ(smoke.status, 0) << smoke.errors;
  EXPECT_TRUE(smoke.output.starts_with("smoke: ok")) << smoke.output;
  EXPECT_EQ(std::ranges::count(smoke.output, '\n'), 1) << smoke.output;
  for (const auto& files : {row().models, row().smoke_leaves, {"config.json"}}) {
    for (const auto& name : files) EXPECT_TRUE(fs::exists(folder / "smoke" / name)) << name;
  }
  EXPECT_TRUE(fs::exists(newest_checkpoint(folder / "smoke")));
  expect_no_leftovers(folder / "smoke");
}

TEST_P(TrainingContract, ARunInTwoPartsIsTheRunAtOnce) {
  expect_success(fresh("whole", 4));
  expect_whole("whole", 4);
  expect_success(fresh("parts", 2));
  expect_whole("parts", 2);
  const auto half = newest_checkpoint(folder / "parts");
  expect_success(command({"--resume", "parts", "--epochs", "4"}));
  expect_whole("parts", 4);
  EXPECT_NE(newest_checkpoint(folder / "parts"), half);
  expect_same_run("parts", "whole");
}

TEST_P(TrainingContract, ARunStoppedInMidEpochIsTheRunAtOnce) {
  expect_success(fresh("whole", 2));
  expect_success(fresh("parts", 2, {"--max-steps", "3"}));
  EXPECT_EQ(position_of(newest_checkpoint(folder / "parts"), "batch"), 3);
  expect_success(command({"--resume", "parts", "--max-steps", "0"}));
  expect_whole("parts", 2);
  expect_same_run("parts", "whole");
}

TEST_P(TrainingContract, ARunIsNotWrittenOverUnasked) {
  expect_success(fresh("run", 1));
  const auto losses = text_of(folder / "run" / "loss.csv");
  expect_refusal(run(fresh("run", 2)), 2, "--resume");
  EXPECT_EQ(text_of(folder / "run" / "loss.csv"), losses);
  expect_whole("run", 1);
  expect_success(fresh("run", 2, {"--overwrite"}));
  expect_whole("run", 2);
}

TEST_P(TrainingContract, AWrongResumePathIsAnErrorAndLeavesNothing) {
  fs::create_directory(folder / "empty");
  std::ofstream(folder / "notes.txt") << "no model";
  const auto before = contents_of(folder.path());
  // A file may be a model to start from: the pictures are looked at first.
  const std::vector<std::pair<std::string, Arguments>> wrong = {
      {"absent", {}}, {"absent/", row().tiny}, {"empty", row().tiny},    {"empty", {"--smoke"}},
      {"frames", {}}, {"notes.txt", {}},       {"notes.txt", row().tiny}};
  for (const auto& [path, more] : wrong) {
    const auto refused = run(with(command({"--resume", path}), more));
    EXPECT_TRUE(refused.status == 1 || refused.status == 2) << path << refused.status;
    expect_refusal(refused, refused.status, path == "notes.txt" ? "" : path);
    EXPECT_EQ(refused.output, "");
  }
  const auto nowhere = run(fresh("run", 2, {"--resume"}));
  expect_refusal(nowhere, 1, "run");
  EXPECT_EQ(contents_of(folder.path()), before);
}

TEST_P(TrainingContract, ALossThatIsNotFiniteStopsTheRunAndSpoilsNothing) {
  expect_success(fresh("whole", 2));
  expect_success(fresh("run", 1));
  const auto good = newest_checkpoint(folder / "run");
  const auto ruined = run(with(command({"--resume", "run", "--epochs", "2"}), row().ruin));
  expect_refusal(ruined, 1, "epoch 2, step ");
  EXPECT_NE(ruined.errors.find(good.filename().string()), std::string::npos) << ruined.errors;
  EXPECT_EQ(newest_checkpoint(folder / "run"), good);
  expect_whole("run", 1);
  expect_success(with(command({"--resume", "run"}), row().mend));
  expect_same_run("run", "whole");
}

// A limit on the size of files stands in for the disk: writing ends in the middle of a file.
TEST_P(TrainingContract, AFullDiskStopsTheRunAndSpoilsNothing) {
  expect_success(fresh("whole", 2));
  expect_success(fresh("run", 1));
  const auto good = newest_checkpoint(folder / "run");
  const auto size = fs::file_size(good);
  const auto limited = with({"/bin/sh", "-c", "trap '' XFSZ; ulimit -f $0 && exec \"$@\"",
                             std::to_string(size / 2 / 512)},
                            command({"--resume", "run", "--epochs", "2"}));
  const auto failed = run(limited);
  expect_refusal(failed, 1, ".safetensors");
  EXPECT_EQ(newest_checkpoint(folder / "run"), good);
  expect_no_leftovers(folder / "run");
  expect_success(command({"--resume", "run"}));
  expect_whole("run", 2);
  expect_same_run("run", "whole");
}

// Whatever kinds of run there were: a file that stayed would be taken for the new one's.
TEST(TrainingRuns, ThatReplaceOthersLeaveNothingOfThem) {
  const TemporaryFolder folder;
  fs::copy(source_folder() / "tests" / "pins" / "frames", folder / "frames");
  const auto train = [&](const TrainingRow& row, const std::string& out) {
    const auto finished = run_command(
        with(with({program("neurosplat-train"), row.command}, row.tiny),
             {"--device", "cpu", "--epochs", "1", "--out", out, "--overwrite", "--tensorboard"}),
        folder.path());
    ASSERT_EQ(finished.status, 0) << finished.errors;
  };
  const auto files = [&](const std::string& run) {
    std::set<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator(folder / run)) {
      auto name = fs::relative(entry.path(), folder / run).string();
      // Event files carry the time of their making.
      const auto end = name.find("tfevents");
      names.insert(end == std::string::npos ? name : name.substr(0, end));
    }
    return names;
  };
  const auto all = fs::copy_options::recursive | fs::copy_options::overwrite_existing;
  for (const auto& row : training_rows()) {
    train(row, row.command);
    fs::copy(folder / row.command, folder / "all", all);
  }
  for (const auto& row : training_rows()) {
    fs::copy(folder / "all", folder / "mixed", all);
    ASSERT_NE(files("mixed"), files(row.command));
    train(row, "mixed");
    EXPECT_EQ(files("mixed"), files(row.command)) << row.command;
  }
}

INSTANTIATE_TEST_SUITE_P(All, TrainingContract, ::testing::ValuesIn(training_rows()), name_of);

}  // namespace
}  // namespace neurosplat::testing
