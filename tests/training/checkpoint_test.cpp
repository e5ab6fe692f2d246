#include "neurosplat/training/checkpoint.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <fstream>

#include "neurosplat/core/error.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;

TensorFile state_with(double value) {
  return {{{"weight", at::full({4}, value)}}, {}};
}

TrainingPosition at_step(std::int64_t step) {
  return {.epoch = 0, .batch = 0, .step = step, .sums = {}};
}

TEST(Checkpoint, KeepsTheLastTwoAndLoadsTheNewest) {
  const testing::TemporaryFolder run;
  const CheckpointFolder folder(run.path());
  EXPECT_FALSE(folder.load_newest().has_value());
  for (const std::int64_t step : {5, 20, 100000000, 100000001}) {
    folder.save(state_with(static_cast<double>(step)),
                {.epoch = 1, .batch = 2, .step = step, .sums = {}});
  }
  EXPECT_EQ(std::distance(fs::directory_iterator(run / "checkpoints"), fs::directory_iterator()),
            2);
  const auto loaded = folder.load_newest();
  EXPECT_EQ(loaded->position.step, 100000001);
  EXPECT_EQ(loaded->path, folder.newest());
}

TEST(Checkpoint, PositionComesBackExactly) {
  const testing::TemporaryFolder run;
  const CheckpointFolder folder(run.path());
  const TrainingPosition position{
      .epoch = 3, .batch = 7, .step = 55, .sums = {{"rec", 0.1 + 0.2}, {"kl", -1e-300 / 3}}};
  folder.save(state_with(1), position);
  const auto loaded = folder.load_newest();
  EXPECT_EQ(loaded->position.epoch, 3);
  EXPECT_EQ(loaded->position.batch, 7);
  EXPECT_EQ(loaded->position.sums, position.sums);
}

TEST(Checkpoint, FallsBackToTheOneBeforeWhenTheNewestIsCut) {
  const testing::TemporaryFolder run;
  const CheckpointFolder folder(run.path());
  folder.save(state_with(1), at_step(1));
  folder.save(state_with(2), at_step(2));
  fs::resize_file(folder.newest(), fs::file_size(folder.newest()) - 3);
  EXPECT_EQ(folder.load_newest()->position.step, 1);
  fs::resize_file(run / "checkpoints" / "step-00000001.safetensors", 10);
  EXPECT_THROW(folder.load_newest(), Error);
}

// Those of before the terms had names.
TEST(Checkpoint, ReadsOlderPositions) {
  const testing::TemporaryFolder run;
  const CheckpointFolder folder(run.path());
  auto state = state_with(1);
  state.metadata = {{"rec_sum", "0.25"}, {"kl_sum", "12"}};
  folder.save(state, at_step(4));
  const auto loaded = folder.load_newest();
  EXPECT_TRUE(loaded->position.sums.empty());
  EXPECT_EQ(number_in(loaded->state, "rec_sum"), 0.25);
  EXPECT_EQ(number_in(loaded->state, "lin_sum"), std::nullopt);
  check_kind(loaded->state, "splat-vae");
  state.metadata["kind"] = "splat-predictor";
  EXPECT_THROW(check_kind(state, "splat-vae"), Error);
  check_kind(state, "splat-predictor");
}

}  // namespace
}  // namespace neurosplat
