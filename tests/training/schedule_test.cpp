#include "neurosplat/training/schedule.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/safetensors.h"
#include "support/command.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

std::string name_of(ScheduleKind kind) {
  if (kind == ScheduleKind::linear) return "linear";
  return kind == ScheduleKind::cosine ? "cosine" : "constant";
}

TEST(Schedule, IsTheOneOfTorchsSchedulers) {
  const auto python = testing::python_with("torch, safetensors");
  if (!python) GTEST_SKIP() << "no Python with torch and safetensors";
  constexpr std::int64_t kPositions = 60;
  const std::vector<Schedule> cases = {
      {.kind = ScheduleKind::constant},
      {.kind = ScheduleKind::constant, .warmup = 7},
      {.kind = ScheduleKind::linear, .span = 33, .floor = 0.1},
      {.kind = ScheduleKind::linear, .span = 50, .warmup = 10, .floor = 0.25},
      {.kind = ScheduleKind::cosine, .span = 40, .floor = 0.01},
      {.kind = ScheduleKind::cosine, .span = 47, .warmup = 12},
      {.kind = ScheduleKind::cosine, .span = 13, .warmup = 1, .floor = 0.5},
      {.kind = ScheduleKind::linear, .span = 2, .warmup = 1}};
  const testing::TemporaryFolder folder;
  const auto file = folder / "factors.safetensors";
  const auto script = testing::source_folder() / "tests/training/reference_schedule.py";
  std::vector<std::string> command = {*python, script.string(), file.string(), text(kPositions)};
  for (const auto& one : cases) {
    command.push_back(text(name_of(one.kind), ":", one.span, ":", one.warmup, ":", one.floor));
  }
  const auto run = testing::run_command(command);
  ASSERT_EQ(run.status, 0) << run.errors;
  const auto expected = read_safetensors(file).tensors.at("factors");
  for (std::size_t i = 0; i < cases.size(); ++i) {
    check(cases[i]);
    const auto row = expected[static_cast<std::int64_t>(i)];
    for (std::int64_t position = 0; position < kPositions; ++position) {
      EXPECT_NEAR(cases[i].factor(position), row[position].item<double>(), 1e-12)
          << "case " << i << ", position " << position;
    }
  }
}

TEST(Schedule, NamesAndRangesAreChecked) {
  for (const auto kind : {ScheduleKind::constant, ScheduleKind::linear, ScheduleKind::cosine}) {
    EXPECT_EQ(schedule_from_name(name_of(kind)), kind);
  }
  EXPECT_THROW(schedule_from_name("exponential"), UsageError);
  EXPECT_NO_THROW(check(Schedule{.kind = ScheduleKind::constant, .warmup = 5}));
  const std::vector<Schedule> bad = {
      {.warmup = -1},
      {.kind = ScheduleKind::linear},
      {.kind = ScheduleKind::cosine, .span = 5, .warmup = 5},
      {.kind = ScheduleKind::cosine, .span = 5, .floor = -0.1},
      {.kind = ScheduleKind::cosine, .span = 5, .floor = 1.1},
      {.kind = ScheduleKind::linear, .span = 5, .floor = std::nan("")}};
  for (const auto& one : bad) EXPECT_THROW(check(one), UsageError);
}

}  // namespace
}  // namespace neurosplat
