#include "neurosplat/systems/lock/lock_curve.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <limits>
#include <map>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/metrics/picture_quality.h"
#include "neurosplat/systems/lock/drop_late.h"
#include "support/temporary_folder.h"
#include "systems/splat_vae/locking_model.h"

namespace neurosplat {
namespace {

constexpr std::int64_t kSide = 32;
constexpr double kPlenty = 1e7;  // milliseconds: no test depends on the clock

SplatVae model() {
  return testing::locking_model({.image_size = kSide, .packets = 24, .latent = 8});
}

LockSet pictures(std::int64_t count, double frames_per_second = 0) {
  LockSet set{.name = frames_per_second > 0 ? "clip" : "waves",
              .pictures = {},
              .names = {},
              .frames_per_second = frames_per_second};
  std::vector<at::Tensor> all;
  for (std::int64_t k = 0; k < count; ++k) {
    const auto picture = testing::smooth_picture(kSide, 0.4 * static_cast<double>(k));
    all.push_back(picture.mul(255).round().to(at::kByte));
    set.names.push_back(text("wave, ", k));
  }
  set.pictures = at::stack(all);
  return set;
}

LockCurveRequest request_of(const std::vector<std::string>& solvers, double budget_ms = kPlenty) {
  LockCurveRequest request{.solvers = {},
                           .budgets_ms = {budget_ms},
                           .still_budgets_ms = {budget_ms},
                           .still_frames = 3,
                           .video_budgets_ms = {budget_ms}};
  for (const auto& name : solvers) {
    request.solvers.push_back(lock_solver_from_name(name));
    request.solvers.back().settings.adapt = false;
    request.solvers.back().settings.observation_noise = 3;  // a random encoder's posterior is wide
    if (name == "latent") request.solvers.back().settings.steps = 2;
  }
  return request;
}

/// Latencies in frames of a stream of one frame a second.
DropLate schedule(const std::vector<double>& seconds) {
  const auto frames = static_cast<std::int64_t>(seconds.size());
  return drop_late(frames, 1.0, [&](std::int64_t frame) {
    return 1000.0 * seconds.at(static_cast<std::size_t>(frame));
  });
}

using Frames = std::vector<std::int64_t>;

TEST(DropLate, WaitsWhereNothingIsLate) {
  const auto result = schedule({0.5, 1.0, 0.9, 0.1});
  EXPECT_EQ(result.taken, (Frames{0, 1, 2, 3}));
  EXPECT_EQ(result.dropped, 0);
}

// Frame 0 ends at 2.5, when 1 and 2 have arrived: 2 is next. It ends at 3.6 and 3, the newest by
// then, is next, until 6.6: 4 and 5 are lost. 6 ends at 6.7, 7 is waited for.
TEST(DropLate, TakesTheNewestThatHasArrived) {
  const auto result = schedule({2.5, 0, 1.1, 3.0, 0, 0, 0.1, 0.2});
  EXPECT_EQ(result.taken, (Frames{0, 2, 3, 6, 7}));
  EXPECT_EQ(result.dropped, 3);
}

// What is late stays late: at 1.5 each, every third frame or so is lost, not every second.
TEST(DropLate, CarriesOnFromWhereTheClockStands) {
  const auto result = schedule({1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5});
  EXPECT_EQ(result.taken, (Frames{0, 1, 3, 4, 6}));
  EXPECT_EQ(result.dropped, 2);
}

TEST(DropLate, EndsWithTheLastFrame) {
  EXPECT_EQ(schedule({100, 0, 0}).taken, (Frames{0, 2}));
  EXPECT_EQ(schedule({100, 0, 0}).dropped, 1);
  EXPECT_TRUE(schedule({}).taken.empty());
  EXPECT_THROW(drop_late(3, 0.0, [](std::int64_t) { return 1.0; }), UsageError);
  EXPECT_THROW(drop_late(3, NAN, [](std::int64_t) { return 1.0; }), UsageError);
}

TEST(LockCurve, ReadsTheNamesOfSolvers) {
  EXPECT_EQ(lock_solver_from_name("closed-form").settings.solver, "closed-form");
  EXPECT_GT(lock_solver_from_name("latent").settings.steps, 1000);
  const auto adam = lock_solver_from_name("adam-0.05x10");
  EXPECT_EQ(adam.name, "adam-0.05x10");
  EXPECT_EQ(adam.settings.solver, "adam");
  EXPECT_EQ(adam.settings.learning_rate, 0.05);
  EXPECT_EQ(adam.settings.steps, 10);
  EXPECT_EQ(lock_solver_from_name("adam-1e-2x3").settings.learning_rate, 0.01);
  const auto narrow = lock_solver_from_name("closed-form-0.01");
  EXPECT_EQ(narrow.settings.solver, "closed-form");
  EXPECT_EQ(narrow.settings.narrowest, 0.01);
  EXPECT_EQ(lock_solver_from_name("iterative").settings.inner_steps, 1);
  const auto iterative = lock_solver_from_name("iterative-5");
  EXPECT_EQ(iterative.name, "iterative-5");
  EXPECT_EQ(iterative.settings.solver, "iterative");
  EXPECT_EQ(iterative.settings.inner_steps, 5);
  for (const char* name :
       {"iterative-", "iterative-0", "iterative-1.5", "iterative--1", "newton", "closed-form-",
        "closed-form-0", "closed-form-0.02x", "", "adam-", "adam-x", "adam-0.2x", "adam-x5",
        "adam-0.2x5.5", "adam-0x5", "adam--1x5", "adam-0.2x0", "adam-nanx5", "adam-0.2x5 "}) {
    EXPECT_THROW(lock_solver_from_name(name), UsageError) << name;
  }
}

TEST(LockCurve, RefusesWhatCannotBeMeasured) {
  const auto refused = [](auto change) {
    auto request = request_of({"adam"});
    change(request);
    EXPECT_THROW(check(request), UsageError);
  };
  refused([](LockCurveRequest& r) { r.solvers.clear(); });
  refused([](LockCurveRequest& r) { r.budgets_ms.clear(); });
  refused([](LockCurveRequest& r) { r.budgets_ms = {33, 0}; });
  refused([](LockCurveRequest& r) { r.budgets_ms = {-1}; });
  refused([](LockCurveRequest& r) { r.still_budgets_ms = {NAN}; });
  refused([](LockCurveRequest& r) { r.video_budgets_ms = {INFINITY}; });
  refused([](LockCurveRequest& r) { r.still_frames = 0; });
}

TEST(LockCurve, MeasuresEverySolverInEveryMode) {
  const std::vector<std::string> solvers = {"closed-form", "adam-0.05x4", "latent", "iterative-2"};
  std::size_t called = 0;
  const auto rows = measure_lock(model(), {pictures(3), pictures(4, 30.0)}, request_of(solvers),
                                 [&](const LockRow&) { ++called; });
  ASSERT_EQ(rows.size(), 12U);  // cold, still and video
  EXPECT_EQ(called, rows.size());
  std::map<LockMode, int> modes;
  for (const auto& row : rows) {
    ++modes[row.mode];
    EXPECT_EQ(row.pictures, static_cast<std::int64_t>(row.each.size()));
    EXPECT_GT(row.psnr_mean_db, row.prior_db) << row.solver;
    EXPECT_GT(row.latency_p50_ms, 0);
    EXPECT_GE(row.latency_p99_ms, row.latency_p50_ms);
    EXPECT_EQ(row.dropped_frames.has_value(), row.mode == LockMode::video);
    EXPECT_EQ(row.pictures + row.dropped_frames.value_or(0), row.mode == LockMode::video ? 4 : 3);
  }
  EXPECT_EQ(modes[LockMode::cold], 4);
  EXPECT_EQ(modes[LockMode::still], 4);
  EXPECT_EQ(modes[LockMode::video], 4);
}

// Adam starts from the prior at every frame: the third frame of a still scene is like the first,
// and the prior is the model's reconstruction.
TEST(LockCurve, MeansAreThoseOfThePictures) {
  const auto set = pictures(3);
  const auto rows = measure_lock(model(), {set}, request_of({"adam-0.05x4"}));
  ASSERT_EQ(rows.size(), 2U);
  const auto frames = set.pictures.to(at::kFloat).div(255);
  const auto expecting = model();
  expecting.train(false);
  const auto prior = psnr_db(expecting.reconstruct(frames), frames);
  EXPECT_NEAR(rows[0].prior_db, prior.mean().item<double>(), 1e-3);
  double sum = 0;
  for (const auto& one : rows[0].each) {
    sum += one.psnr_db;
    EXPECT_EQ(one.steps, 4);
  }
  EXPECT_NEAR(rows[0].psnr_mean_db, sum / 3, 1e-9);
  EXPECT_NEAR(rows[1].psnr_mean_db, rows[0].psnr_mean_db, 1e-3);
}

TEST(LockCurve, WritesTablesAndFigures) {
  const auto request = request_of({"closed-form", "adam-0.05x2"});
  const std::vector<LockSet> sets = {pictures(2), pictures(3, 30.0)};
  const auto rows = measure_lock(model(), sets, request);
  const testing::TemporaryFolder folder;
  write_per_picture_csv(folder / "each.csv", rows);
  std::ifstream in(folder / "each.csv");
  std::string first, second;
  std::getline(in, first);
  std::getline(in, second);
  EXPECT_EQ(
      first,
      "set,mode,solver,budget_ms,picture,psnr_db,prior_db,latency_ms,floaters,spurious,steps");
  EXPECT_EQ(second.find("waves,cold,closed-form,1e+07,\"wave, 0\","), 0U) << second;
  std::size_t expected = 0;
  for (const auto& row : rows) expected += row.each.size();
  EXPECT_EQ(1 + static_cast<std::size_t>(std::count(std::istreambuf_iterator<char>(in), {}, '\n')),
            expected);
  const auto figure = lock_curve_figure(rows);
  EXPECT_EQ(figure.size(0), 3);
  EXPECT_GT(figure.size(2), 1000);
  const auto examples = lock_examples(model(), sets, request.solvers, kPlenty, 2);
  EXPECT_EQ(examples.size(0), 3);
  EXPECT_GT(examples.size(1), 4 * 128);
  EXPECT_TRUE(examples.isfinite().all().item<bool>());
}

}  // namespace
}  // namespace neurosplat
