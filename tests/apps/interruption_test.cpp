// Ends other than Control-C and kill, which every training command is held to in contract_signals.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "apps/programs.h"
#include "apps/run_files.h"
#include "neurosplat/systems/splat_vae/model_file.h"
#include "neurosplat/training/checkpoint.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;
using testing::TemporaryFolder;

/// Without checkpoints but that of the start and those that an end calls for.
std::vector<std::string> calm_training(const fs::path& out) {
  return testing::with(testing::tiny_training(out), {"--epochs", "100000", "--pictures-every", "0",
                                                     "--checkpoint-every", "1000000"});
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

TEST(Interruption, AClosedTerminalSavesAndExitsWith129) {
  const TemporaryFolder folder;
  const int process = testing::start_command(calm_training(folder / "run"));
  const bool trains = testing::wait_for_epochs(folder / "run", 2);
  kill(process, SIGHUP);
  EXPECT_EQ(testing::wait_for_command(process), 128 + SIGHUP);
  ASSERT_TRUE(trains);
  expect_saved_and_resumable(folder / "run");
}

TEST(Interruption, AClosedPipeSavesAndExitsWith141) {
  const TemporaryFolder folder;
  const auto command = testing::start_piped_command(calm_training(folder / "run"));
  const bool trains = testing::wait_for_epochs(folder / "run", 2);
  close(command.reader);
  EXPECT_EQ(testing::wait_for_command(command.process), 128 + SIGPIPE);
  ASSERT_TRUE(trains);
  expect_saved_and_resumable(folder / "run");
}

}  // namespace
}  // namespace neurosplat
