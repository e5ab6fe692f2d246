#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <sstream>
#include <thread>

#include "neurosplat/systems/splat_vae/model_file.h"
#include "neurosplat/training/checkpoint.h"
#include "support/command.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;
using testing::program;
using testing::TemporaryFolder;

/// Checkpoints after every short epoch, so that a signal often falls into the writing of one.
std::vector<std::string> restless_training(const fs::path& out, bool resume) {
  std::vector<std::string> arguments = {program("neurosplat-train"),
                                        "splat-vae",
                                        "--dataset",
                                        "smoke",
                                        "--image-size",
                                        "16",
                                        "--num-packets",
                                        "64",
                                        "--latent",
                                        "16",
                                        "--batch",
                                        "128",
                                        "--epochs",
                                        "100000",
                                        "--device",
                                        "cpu",
                                        "--held-out-every",
                                        "0",
                                        "--pictures-every",
                                        "0",
                                        "--out",
                                        out.string()};
  if (resume) arguments.push_back("--resume");
  return arguments;
}

/// Waits until the run has a checkpoint beyond `step`; its step, or -1 when the time is up.
std::int64_t wait_for_step(const fs::path& run, std::int64_t step) {
  for (int i = 0; i < 3000; ++i) {
    const auto newest = CheckpointFolder(run).newest().filename().string();
    if (newest.size() > 13) {
      const auto found = std::stoll(newest.substr(5));
      if (found > step) return found;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return -1;
}

/// Without checkpoints but that of the start and those that an end calls for.
std::vector<std::string> calm_training(const fs::path& out) {
  auto arguments = restless_training(out, false);
  arguments.insert(arguments.end(), {"--checkpoint-every", "1000000"});
  return arguments;
}

bool wait_for_epochs(const fs::path& run, std::int64_t epochs) {
  for (int i = 0; i < 3000; ++i) {
    std::ifstream table(run / "loss.csv");
    if (std::count(std::istreambuf_iterator<char>(table), {}, '\n') > epochs) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

/// The step that was under way is saved, and the run goes on from it.
void expect_saved_and_resumable(const fs::path& run) {
  const auto saved = CheckpointFolder(run).load_newest();
  ASSERT_TRUE(saved.has_value());
  ASSERT_GT(saved->position.step, 0) << "only the checkpoint of the start";
  load_splat_vae(run);
  auto arguments = calm_training(run);
  arguments.insert(arguments.end(),
                   {"--resume", "--max-steps", std::to_string(saved->position.step + 1)});
  const auto resumed = testing::run_command(arguments);
  EXPECT_EQ(resumed.status, 0) << resumed.errors;
  const auto after = CheckpointFolder(run).load_newest();
  ASSERT_TRUE(after.has_value());
  EXPECT_EQ(after->position.step, saved->position.step + 1);
}

TEST(Interruption, ControlCSavesAndExitsWith130) {
  const TemporaryFolder folder;
  const int process = testing::start_command(restless_training(folder / "run", false));
  ASSERT_GE(wait_for_step(folder / "run", 3), 0);
  kill(process, SIGINT);
  EXPECT_EQ(testing::wait_for_command(process), 130);
  const auto loaded = CheckpointFolder(folder / "run").load_newest();
  ASSERT_TRUE(loaded.has_value());
  EXPECT_GT(loaded->position.step, 3);
  load_splat_vae(folder / "run");
}

TEST(Interruption, AClosedTerminalSavesAndExitsWith129) {
  const TemporaryFolder folder;
  const int process = testing::start_command(calm_training(folder / "run"));
  const bool trains = wait_for_epochs(folder / "run", 2);
  kill(process, SIGHUP);
  EXPECT_EQ(testing::wait_for_command(process), 128 + SIGHUP);
  ASSERT_TRUE(trains);
  expect_saved_and_resumable(folder / "run");
}

TEST(Interruption, AClosedPipeSavesAndExitsWith141) {
  const TemporaryFolder folder;
  const auto command = testing::start_piped_command(calm_training(folder / "run"));
  const bool trains = wait_for_epochs(folder / "run", 2);
  close(command.reader);
  EXPECT_EQ(testing::wait_for_command(command.process), 128 + SIGPIPE);
  ASSERT_TRUE(trains);
  expect_saved_and_resumable(folder / "run");
}

TEST(Interruption, ASecondRunInTheFolderIsRefusedWhileTheFirstLives) {
  const TemporaryFolder folder;
  const auto run = folder / "run";
  const int process = testing::start_command(restless_training(run, false));
  ASSERT_GE(wait_for_step(run, 0), 0);
  for (const char* how : {"--resume", "--overwrite", "--smoke", ""}) {
    auto second = restless_training(run, false);
    if (*how != 0) second.emplace_back(how);
    const auto refused = testing::run_command(second);
    EXPECT_EQ(refused.status, 1) << how;
    EXPECT_NE(refused.errors.find("process " + std::to_string(process)), std::string::npos)
        << how << refused.errors;
  }
  kill(process, SIGKILL);
  testing::wait_for_command(process);
  EXPECT_TRUE(fs::exists(run / "run.lock"));
  auto again = restless_training(run, true);
  again.insert(again.end(), {"--max-steps", "1"});
  EXPECT_EQ(testing::run_command(again).status, 0);
}

// SIGKILL at twelve random moments, seed 1: every time a model and a checkpoint can be loaded, the
// run goes on from there, and what was logged stays whole.
TEST(Interruption, AKilledRunAlwaysLeavesALoadableCheckpoint) {
  const TemporaryFolder folder;
  const auto run = folder / "run";
  std::mt19937 random(1);
  std::int64_t step = -1;
  for (int round = 0; round < 12; ++round) {
    const int process = testing::start_command(restless_training(run, round > 0));
    const auto reached = wait_for_step(run, step);
    ASSERT_GE(reached, 0) << "round " << round;
    std::this_thread::sleep_for(
        std::chrono::microseconds(std::uniform_int_distribution<int>(0, 120000)(random)));
    kill(process, SIGKILL);
    ASSERT_EQ(testing::wait_for_command(process), 128 + SIGKILL);
    const auto loaded = CheckpointFolder(run).load_newest();
    ASSERT_TRUE(loaded.has_value());
    EXPECT_EQ(loaded->path, CheckpointFolder(run).newest()) << "the newest could not be read";
    EXPECT_GE(loaded->position.step, reached);
    step = loaded->position.step;
    load_splat_vae(run);
  }
  std::ifstream table(run / "loss.csv");
  std::string line;
  std::getline(table, line);
  EXPECT_EQ(line, "epoch,rec,kl,beta");
  for (int epoch = 1; std::getline(table, line); ++epoch) {
    EXPECT_TRUE(line.starts_with(std::to_string(epoch) + ",")) << line;
    EXPECT_EQ(std::count(line.begin(), line.end(), ','), 3) << line;
  }
}

}  // namespace
}  // namespace neurosplat
