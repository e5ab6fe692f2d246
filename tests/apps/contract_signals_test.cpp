// What every subcommand of neurosplat-train keeps when it is ended from outside, or finds another
// at work.
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <filesystem>
#include <random>
#include <string>
#include <thread>

#include "apps/training_contract.h"

namespace neurosplat::testing {
namespace {

namespace fs = std::filesystem;

/// More than any run here comes to before it is ended.
constexpr int kEndless = 100000;

TEST_P(TrainingContract, ControlCInMidEpochLosesNothing) {
  const Arguments calm = {"--checkpoint-every", "100000"};
  std::mt19937 random(1);
  for (const std::string name : {"a", "b", "c", "d", "e"}) {
    const int status = start_and_signal(fresh(name, kEndless, calm), SIGINT, [&] {
      if (!wait_for_epochs(folder / name, 2)) return false;
      std::this_thread::sleep_for(
          std::chrono::microseconds(std::uniform_int_distribution<int>(0, 40000)(random)));
      return true;
    });
    ASSERT_EQ(status, 130);
    const auto saved = newest_checkpoint(folder / name);
    ASSERT_GT(position_of(saved, "step"), 0) << "only the checkpoint of the start";
    if (position_of(saved, "batch") == 0) continue;
    expect_same_as_at_once(name, calm);
    return;
  }
  FAIL() << "five signals all came between two epochs";
}

// SIGKILL at six random moments, seed 2: by turns just as a new checkpoint is seen, while files are
// being written, and anywhere in the epochs that follow.
TEST_P(TrainingContract, ARunKilledAgainAndAgainIsTheRunAtOnce) {
  std::mt19937 random(2);
  for (int round = 0; round < 6; ++round) {
    const auto before = newest_checkpoint(folder / "run");
    const auto arguments = round == 0 ? fresh("run", kEndless) : command({"--resume", "run"});
    const int status = start_and_signal(arguments, SIGKILL, [&] {
      if (newest_checkpoint(folder / "run") == before) return false;
      std::this_thread::sleep_for(std::chrono::microseconds(
          std::uniform_int_distribution<int>(0, round % 2 == 0 ? 3000 : 120000)(random)));
      return true;
    });
    ASSERT_EQ(status, 128 + SIGKILL) << "round " << round;
    const auto saved = newest_checkpoint(folder / "run");
    EXPECT_GT(saved, before);
    EXPECT_FALSE(read_safetensors(saved).tensors.empty());
    for (const auto& model : row().models) {  // the first may be killed before it writes them
      if (round == 0 && !fs::exists(folder / "run" / model)) continue;
      EXPECT_FALSE(read_safetensors(folder / "run" / model).tensors.empty());
    }
  }
  expect_same_as_at_once("run", {});
}

TEST_P(TrainingContract, ASecondRunInTheFolderIsRefusedWhileTheFirstLives) {
  const Arguments calm = {"--checkpoint-every", "100000"};
  const int first = start_command(fresh("run", kEndless, calm), folder.path());
  const bool trains = wait_for_epochs(folder / "run", 1);
  const auto refuse = [&](const Arguments& arguments) {
    expect_refusal(run(arguments), 1, "process " + std::to_string(first));
  };
  if (trains) {
    refuse(fresh("run", 2));
    refuse(fresh("run", 2, {"--overwrite"}));
    refuse(fresh("run", 2, {"--smoke"}));
    refuse(command({"--resume", "run"}));
  }
  kill(first, SIGINT);
  EXPECT_EQ(wait_for_command(first), 130);
  ASSERT_TRUE(trains);
  expect_whole("run", lines_of(folder / "run" / "loss.csv").size() - 1);
}

INSTANTIATE_TEST_SUITE_P(All, TrainingContract, ::testing::ValuesIn(training_rows()), name_of);

}  // namespace
}  // namespace neurosplat::testing
