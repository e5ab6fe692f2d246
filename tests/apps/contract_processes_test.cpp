// What every subcommand of neurosplat-train keeps when several processes train together.
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "apps/training_contract.h"
#include "support/process_group.h"

namespace neurosplat::testing {
namespace {

namespace fs = std::filesystem;

/// Of weights after 20 steps; one in ten thousand of a tensor's numbers may be further away. Sums
/// are added in another order, and Adam makes whole steps of lr, .001 and more, of a gradient that
/// is rounding: with AVX2 two numbers of the waveform autoencoder, of 20,480 each, are 1.2e-5 and
/// 3.2e-5 away.
constexpr double kBound = 1e-5, kLargest = 3e-4;
constexpr std::int64_t kOneIn = 10000;

class TrainingTogether : public TrainingContract {
 protected:
  void SetUp() override {
    if (!has_process_groups()) GTEST_SKIP() << "libgloo-dev is not installed";
    TrainingContract::SetUp();
  }

  std::string batch() const { return *std::next(std::ranges::find(row().tiny, "--batch")); }

  /// A run whose batch has `times` as many items as the row's.
  Arguments with_batch(int times, const std::string& out, const Arguments& more) const {
    return fresh(out, 100, with({"--batch", std::to_string(times * std::stoi(batch()))}, more));
  }

  void expect_success_of_two(const Arguments& arguments) const {
    int other = -1;
    const auto first = run_two(arguments, folder.path(), &other);
    ASSERT_EQ(first.status, 0) << first.errors;
    EXPECT_EQ(other, 0);
  }

  /// A bias before batch normalisation is taken off again with the mean: its gradient is rounding,
  /// of which Adam makes whole steps, and the running mean follows it.
  bool is_without_effect(const std::string& name) const {
    const bool of_batch_norm = row().command.starts_with("splat-") && name.starts_with("enc.conv.");
    return of_batch_norm && (name == "enc.conv.0.bias" || name == "enc.conv.3.bias" ||
                             name.ends_with(".running_mean"));
  }

  void expect_near(const fs::path& one, const fs::path& other) const {
    const auto these = read_safetensors(one).tensors, those = read_safetensors(other).tensors;
    ASSERT_EQ(these.size(), those.size());
    for (const auto& [name, tensor] : these) {
      if (is_without_effect(name)) continue;
      const auto away = (tensor.to(at::kDouble) - those.at(name).to(at::kDouble)).abs();
      EXPECT_LE(away.gt(kBound).sum().item<std::int64_t>(), tensor.numel() / kOneIn) << name;
      EXPECT_LE(away.max().item<double>(), kLargest) << name;
    }
  }
};

TEST_P(TrainingTogether, TwoAreOneWithTheDoubledBatch) {
  const Arguments steps = {"--max-steps", "20", "--pictures-every", "0"};
  expect_success(with_batch(2, "one", steps));
  expect_success_of_two(with_batch(1, "two", steps));
  for (const auto& model : row().models)
    expect_near(folder / "two" / model, folder / "one" / model);
  EXPECT_EQ(position_of(newest_checkpoint(folder / "two"), "step"), 20);
  EXPECT_EQ(lines_of(folder / "one" / "loss.csv").size(),
            lines_of(folder / "two" / "loss.csv").size());
  expect_no_leftovers(folder / "two");
}

TEST_P(TrainingTogether, ARunOfTwoInTwoPartsIsTheRunAtOnce) {
  expect_success_of_two(fresh("whole", 2, {"--batch", batch()}));
  expect_success_of_two(fresh("parts", 2, {"--batch", batch(), "--max-steps", "1"}));
  expect_success_of_two(command({"--resume", "parts", "--max-steps", "0"}));
  expect_same_run("parts", "whole");
}

TEST_P(TrainingTogether, OneThatIsKilledEndsTheOther) {
  const auto port = free_port();
  const auto arguments = fresh("run", 1000, {"--pictures-every", "0"});
  const int first = start_command(as_process(0, 2, port, arguments), folder.path());
  const int second = start_command(as_process(1, 2, port, arguments), folder.path());
  EXPECT_TRUE(wait_for_epochs(folder / "run", 2));
  kill(second, SIGKILL);
  EXPECT_EQ(wait_for_command(first), 1);
  wait_for_command(second);
  const auto checkpoint = newest_checkpoint(folder / "run");
  EXPECT_FALSE(read_safetensors(checkpoint).tensors.empty());
  // One goes on alone where both would have been at the start of an epoch.
  const auto epoch = position_of(checkpoint, "epoch");
  expect_success(command({"--resume", "run", "--epochs", std::to_string(epoch + 1)}));
}

/// One kind is enough for what belongs to the processes alone.
class ProcessesOfATraining : public Programs {
 protected:
  void SetUp() override {
    if (!has_process_groups()) GTEST_SKIP() << "libgloo-dev is not installed";
  }

  Arguments training(const std::string& out, int epochs) const {
    return with(with({program("neurosplat-train"), "patch-flow"}, training_row("patch-flow").tiny),
                {"--device", "cpu", "--threads", "1", "--out", (folder / out).string(), "--epochs",
                 std::to_string(epochs), "--pictures-every", "0", "--held-out-every", "0",
                 "--join-timeout", "1"});
  }
};

TEST_F(ProcessesOfATraining, AreWaitedForInVain) {
  expect_refusal(run_command(as_process(0, 2, free_port(), training("run", 1))), 1,
                 "expected 2 (WORLD_SIZE) to come within 1 s, got 1");
  EXPECT_FALSE(std::filesystem::exists(folder / "run"));
}

TEST_F(ProcessesOfATraining, FindNoStore) {
  const auto alone = run_command(as_process(1, 2, free_port(), training("run", 1)));
  expect_refusal(alone, 1, "expected a store at 127.0.0.1:");
  EXPECT_EQ(std::ranges::count(alone.errors, '\n'), 1) << alone.errors;
}

TEST_F(ProcessesOfATraining, AreNotAsManyAsTheySay) {
  const auto port = free_port();
  const int first = start_command(as_process(0, 3, port, training("run", 1)));
  EXPECT_EQ(run_command(as_process(1, 3, port, training("run", 1))).status, 1);
  EXPECT_EQ(wait_for_command(first), 1);
  expect_refusal(run_command(as_process(5, 2, port, training("run", 1))), 2,
                 "RANK: expected an integer from 0 to 1, got '5'");
}

TEST_F(ProcessesOfATraining, ShareTheData) {
  const auto frames = source_folder() / "tests" / "pins" / "frames";
  for (const char* machine : {"one", "other"}) {
    std::filesystem::create_directory(folder / machine);
    std::filesystem::copy(frames, folder / machine / "frames");
  }
  std::filesystem::remove(std::filesystem::directory_iterator(folder / "other" / "frames")->path());
  const auto port = free_port();
  const auto of_folder = with(training("run", 1), {"--dataset", "folder", "--data", "frames",
                                                   "--splits", "train", "--batch", "2"});
  const int first = start_command(as_process(0, 2, port, of_folder), folder / "one");
  expect_refusal(run_command(as_process(1, 2, port, of_folder), folder / "other"), 1,
                 "expected the data of process 0");
  EXPECT_EQ(wait_for_command(first), 1);
}

// As torchrun starts them; a run that was killed goes on where its last checkpoint stands.
TEST_F(ProcessesOfATraining, AreStartedAnewByTorchrun) {
  const auto python = python_with("torch.distributed.run");
  if (!python) GTEST_SKIP() << "no Python with torch: run scripts/setup.sh";
  const auto together = [&](const std::string& out) {
    return with({*python, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--no-python",
                 "--max-restarts", "1", "--monitor-interval", "0.1", "--master-port",
                 std::to_string(free_port())},
                training(out, 15));
  };
  const auto whole = run_command(together("whole"));
  ASSERT_EQ(whole.status, 0) << whole.errors;
  const int started = start_command(together("killed"));
  const bool came = wait_for_epochs(folder / "killed", 5);
  std::ifstream lock(folder / "killed" / "run.lock");
  int first = 0;
  lock >> first;
  ASSERT_TRUE(came && first > 0);
  kill(first, SIGKILL);
  EXPECT_EQ(wait_for_command(started), 0);
  expect_same_tensors(folder / "killed" / "model.safetensors",
                      folder / "whole" / "model.safetensors");
  EXPECT_EQ(lines_of(folder / "killed" / "loss.csv"), lines_of(folder / "whole" / "loss.csv"));
}

// Not even when it is started anew: the run is another's.
TEST_F(ProcessesOfATraining, LeaveAnOlderRunAlone) {
  const auto python = python_with("torch.distributed.run");
  if (!python) GTEST_SKIP() << "no Python with torch: run scripts/setup.sh";
  ASSERT_EQ(run_command(training("run", 1)).status, 0);
  const auto before = text_of(folder / "run" / "loss.csv");
  const auto refused =
      run_command(with({*python, "-m", "torch.distributed.run", "--nproc-per-node", "2",
                        "--no-python", "--max-restarts", "1", "--monitor-interval", "0.1",
                        "--master-port", std::to_string(free_port())},
                       training("run", 2)));
  EXPECT_EQ(refused.status, 1);
  EXPECT_NE(refused.errors.find("holds a run already"), std::string::npos) << refused.errors;
  EXPECT_EQ(text_of(folder / "run" / "loss.csv"), before);
}

INSTANTIATE_TEST_SUITE_P(Kinds, TrainingTogether, ::testing::ValuesIn(training_rows()), name_of);

}  // namespace
}  // namespace neurosplat::testing
