#include "neurosplat/systems/lock/live_lock.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <regex>
#include <string>
#include <vector>

#include "neurosplat/core/error.h"
#include "neurosplat/io/image_file.h"
#include "support/command.h"
#include "support/temporary_folder.h"
#include "systems/lock/phase_lock.h"
#include "systems/splat_vae/locking_model.h"

namespace neurosplat {
namespace {

using testing::PhaseLock;

using testing::locking_model;
using testing::smooth_picture;
using testing::TemporaryFolder;

/// Smooth pictures whose sizes change.
class Pictures : public FrameSource {
 public:
  explicit Pictures(int count) : count_(count) {}
  std::optional<Frame> next() override {
    if (given_ == count_) return std::nullopt;
    const auto picture = (255.0 * smooth_picture(40, 0.4 * given_)).round().to(at::kByte);
    return Frame{picture.narrow(2, 0, 40 - given_++ % 3).contiguous(), ""};
  }
  double frames_per_second() const override { return 25.0; }
  std::int64_t frame_count() const override { return count_; }
  std::string description() const override { return "pictures"; }
  int given() const { return given_; }

 private:
  int count_, given_ = 0;
};

class Kept : public FrameSink {
 public:
  void write(const at::Tensor& picture) override { pictures.push_back(picture.clone()); }
  void close() override { ++closed; }
  std::vector<at::Tensor> pictures;
  int closed = 0;
};

std::vector<std::string> lines_of(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

double psnr(const at::Tensor& a, const at::Tensor& b) {
  return -10.0 * std::log10((a - b).to(at::kDouble).square().mean().item<double>());
}

constexpr double kNoBudget = std::numeric_limits<double>::infinity();

LockSolverSettings adam(std::int64_t steps, double rate) {
  LockSolverSettings settings;
  settings.solver = "adam";
  settings.steps = steps;
  settings.learning_rate = rate;
  return settings;
}

LiveReport run(LiveLock& lock, FrameSource& source, const LiveOptions& options) {
  return run_live(
      "lock", lock_columns(), [&](const Frame& frame) { return lock.see(frame); }, source, options);
}

TEST(LiveLock, LocksEveryFrame) {
  const TemporaryFolder folder;
  LiveLock lock(locking_model({32, 36, 8}), adam(5, 0.2), kNoBudget);
  Pictures source(4);
  Kept sink;
  const auto report =
      run(lock, source, {.sink = &sink, .metrics = folder / "frames.csv", .show = nullptr});
  ASSERT_EQ(report.frames, 4);
  ASSERT_EQ(sink.pictures.size(), 4U);
  EXPECT_EQ(sink.closed, 1);
  EXPECT_FALSE(report.interrupted);
  const auto lines = lines_of(folder / "frames.csv");
  ASSERT_EQ(lines.size(), 5U);
  EXPECT_EQ(lines[0], "frame,latency_ms,prior_psnr_db,locked_psnr_db,floaters,steps,dropped");
  const std::regex row(R"((\d+),\d+\.\d{3},(-?\d+\.\d{4}),(-?\d+\.\d{4}),\d+,5,0)");
  for (std::size_t i = 0; i < 4; ++i) {
    ASSERT_EQ(sink.pictures[i].sizes(), at::IntArrayRef({3, 64, 192}));
    // The panels alone give the numbers again.
    const auto retina = sink.pictures[i].narrow(2, 0, 64);
    std::smatch cells;
    ASSERT_TRUE(std::regex_match(lines[i + 1], cells, row)) << lines[i + 1];
    const double prior = std::stod(cells[2]), locked = std::stod(cells[3]);
    EXPECT_NEAR(prior, psnr(sink.pictures[i].narrow(2, 64, 64), retina), 2e-4);
    EXPECT_NEAR(locked, psnr(sink.pictures[i].narrow(2, 128, 64), retina), 2e-4);
    EXPECT_GT(locked, prior + 1.0);
  }
}

// Five steps of 0.2, as the reference has them.
TEST(LiveLock, AdamIsTheReferencesLock) {
  const auto model = locking_model({32, 36, 8});
  LiveLock lock(model, adam(5, 0.2), kNoBudget);
  Pictures source(1), same(1);
  Kept sink;
  run(lock, source, {.sink = &sink, .metrics = {}, .show = nullptr});
  const auto retina = centre_square(same.next()->picture, 32).to(at::kFloat) / 255.0;
  const auto expected = PhaseLock(model, {5, 0.2}).lock(retina).locked;
  const auto shown = sink.pictures.at(0).narrow(2, 128, 64).slice(1, 0, 64, 2).slice(2, 0, 64, 2);
  EXPECT_LT((shown - expected).abs().max().item<double>(), 1e-4);
}

TEST(LiveLock, EverySolverLocks) {
  for (const auto& solver : lock_solver_names()) {
    LockSolverSettings settings;
    settings.solver = solver;
    LiveLock lock(locking_model({32, 36, 8}), settings, 33.0);
    Pictures source(3);
    const auto report = run(lock, source, {.metrics = {}, .show = nullptr});
    EXPECT_EQ(report.frames, 3) << solver;
    EXPECT_GE(report.mean(1), report.mean(0)) << solver;
    lock.reset();
    EXPECT_EQ(lock.see(*Pictures(1).next()).numbers.size(), lock_columns().size());
  }
  EXPECT_THROW(LiveLock(locking_model({16, 4, 4}), {}, 0.0), UsageError);
}

TEST(LiveLock, TheRetinaIsTheCentreSquare) {
  LiveLock lock(locking_model({16, 4, 4}), adam(1, 0.1), kNoBudget);
  Pictures source(1), same(1);
  Kept sink;
  run(lock, source, {.sink = &sink, .metrics = {}, .show = nullptr});
  const auto expected = centre_square(same.next()->picture, 16).to(at::kFloat) / 255.0;
  const auto retina = sink.pictures.at(0).narrow(2, 0, 32).slice(1, 0, 32, 2).slice(2, 0, 32, 2);
  EXPECT_TRUE(retina.equal(expected));
}

TEST(LiveLock, StopsAtTheLimitAndWhenTheViewerAsks) {
  LiveLock lock(locking_model({16, 4, 4}), adam(1, 0.1), kNoBudget);
  Pictures limited(9);
  EXPECT_EQ(run(lock, limited, {.frames = 3, .metrics = {}, .show = nullptr}).frames, 3);
  EXPECT_EQ(limited.given(), 3);
  Pictures watched(9);
  Kept sink;
  int shown = 0;
  const auto show = [&](const at::Tensor&) { return ++shown < 2; };
  EXPECT_EQ(run(lock, watched, {.sink = &sink, .metrics = {}, .show = show}).frames, 2);
  EXPECT_EQ(sink.pictures.size(), 2U);
  EXPECT_EQ(sink.closed, 1);
}

TEST(LiveLock, SumsUp) {
  LiveReport report;
  report.frames = report.rows = 200;
  for (int i = 1; i <= 200; ++i) report.latencies.add(10.0);
  report.sums = {200 * 14.2, 200 * 19.0, 0.0, 0.0};
  report.seconds = 16.0;
  EXPECT_TRUE(std::regex_match(
      lock_summary(report),
      std::regex(
          "200 frames, 12\\.5 frames/s, latency median (9\\.9|10\\.[01]) ms, 99th percentile "
          "(9\\.9|10\\.[01]) ms, PSNR prior 14\\.2 dB -> locked 19\\.0 dB")))
      << lock_summary(report);
  report.dropped = 7;
  EXPECT_NE(lock_summary(report).find(" ms, 7 dropped, PSNR"), std::string::npos);
  EXPECT_EQ(lock_summary({}), "0 frames");
}

TEST(LiveLock, SharpensARealVideo) {
  const auto videos = testing::shared_folder("data/video");
  if (!videos) GTEST_SKIP() << "no shared videos";
  const auto source = open_frame_source((*videos / "flower.mp4").string());
  LiveLock lock(locking_model({64, 256, 16}), adam(5, 0.2), kNoBudget);
  const auto report = run(lock, *source, {.frames = 5, .metrics = {}, .show = nullptr});
  ASSERT_EQ(report.frames, 5);
  EXPECT_GT(report.mean(1), report.mean(0) + 1);
}

}  // namespace
}  // namespace neurosplat
