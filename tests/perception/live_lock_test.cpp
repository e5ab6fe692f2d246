#include "neurosplat/perception/live_lock.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <iterator>
#include <regex>
#include <string>
#include <vector>

#include "neurosplat/core/error.h"
#include "neurosplat/io/image_file.h"
#include "perception/locking_model.h"
#include "support/command.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

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

TEST(LiveLock, LocksEveryFrame) {
  const TemporaryFolder folder;
  const PhaseLock lock(locking_model({32, 36, 8}), {5, 0.2});
  Pictures source(4);
  Kept sink;
  const auto report = run_live_lock(
      lock, source, {.sink = &sink, .metrics = folder / "frames.csv", .show = nullptr});
  ASSERT_EQ(report.frames.size(), 4U);
  ASSERT_EQ(sink.pictures.size(), 4U);
  EXPECT_EQ(sink.closed, 1);
  EXPECT_FALSE(report.interrupted);
  for (std::size_t i = 0; i < 4; ++i) {
    ASSERT_EQ(sink.pictures[i].sizes(), at::IntArrayRef({3, 64, 192}));
    // The panels alone give the numbers again.
    const auto retina = sink.pictures[i].narrow(2, 0, 64);
    const auto& numbers = report.frames[i];
    EXPECT_NEAR(numbers.prior_psnr_db, psnr(sink.pictures[i].narrow(2, 64, 64), retina), 1e-4);
    EXPECT_NEAR(numbers.locked_psnr_db, psnr(sink.pictures[i].narrow(2, 128, 64), retina), 1e-4);
    EXPECT_GT(numbers.locked_psnr_db, numbers.prior_psnr_db + 1.0);
    EXPECT_GT(numbers.latency_ms, 0.0);
  }
  const auto lines = lines_of(folder / "frames.csv");
  ASSERT_EQ(lines.size(), 5U);
  EXPECT_EQ(lines[0], "frame,latency_ms,prior_psnr_db,locked_psnr_db,floaters");
  EXPECT_TRUE(
      std::regex_match(lines[4], std::regex(R"(4,\d+\.\d{3},-?\d+\.\d{4},-?\d+\.\d{4},\d+)")))
      << lines[4];
}

TEST(LiveLock, TheRetinaIsTheCentreSquare) {
  const PhaseLock lock(locking_model({16, 4, 4}), {1, 0.1});
  Pictures source(1), same(1);
  Kept sink;
  run_live_lock(lock, source, {.sink = &sink, .metrics = {}, .show = nullptr});
  const auto expected = centre_square(same.next()->picture, 16).to(at::kFloat) / 255.0;
  const auto retina = sink.pictures.at(0).narrow(2, 0, 32).slice(1, 0, 32, 2).slice(2, 0, 32, 2);
  EXPECT_TRUE(retina.equal(expected));
}

TEST(LiveLock, StopsAtTheLimitAndWhenTheViewerAsks) {
  const PhaseLock lock(locking_model({16, 4, 4}), {1, 0.1});
  Pictures limited(9);
  EXPECT_EQ(
      run_live_lock(lock, limited, {.frames = 3, .metrics = {}, .show = nullptr}).frames.size(),
      3U);
  EXPECT_EQ(limited.given(), 3);
  Pictures watched(9);
  Kept sink;
  int shown = 0;
  const auto show = [&](const at::Tensor&) { return ++shown < 2; };
  EXPECT_EQ(
      run_live_lock(lock, watched, {.sink = &sink, .metrics = {}, .show = show}).frames.size(), 2U);
  EXPECT_EQ(sink.pictures.size(), 2U);
  EXPECT_EQ(sink.closed, 1);
}

TEST(LiveLock, SumsUp) {
  LiveLockReport report;
  for (int i = 1; i <= 200; ++i) {
    report.frames.push_back({static_cast<double>(201 - i), 14.0 + 0.002 * i, 19.0, 0});
  }
  report.seconds = 16.0;
  EXPECT_EQ(summary(report),
            "200 frames, 12.5 frames/s, latency median 100.0 ms, 99th percentile 198.0 ms, PSNR "
            "prior 14.2 dB -> locked 19.0 dB");
  report.frames.resize(1);
  EXPECT_EQ(summary(report).substr(0, 9), "1 frame, ");
  EXPECT_EQ(summary({}), "0 frames");
}

TEST(Percentile, IsTheNearestRank) {
  EXPECT_EQ(percentile({30, 10, 20}, 50), 20);
  EXPECT_EQ(percentile({30, 10, 20}, 99), 30);
  EXPECT_EQ(percentile({30, 10, 20, 40}, 50), 20);
  EXPECT_EQ(percentile({7}, 1), 7);
}

TEST(LiveLock, SharpensARealVideo) {
  const auto videos = testing::shared_folder("data/video");
  if (!videos) GTEST_SKIP() << "no shared videos";
  const auto source = open_frame_source((*videos / "flower.mp4").string());
  const PhaseLock lock(locking_model({64, 256, 16}), {5, 0.2});
  const auto report = run_live_lock(lock, *source, {.frames = 5, .metrics = {}, .show = nullptr});
  ASSERT_EQ(report.frames.size(), 5U);
  for (const auto& frame : report.frames) EXPECT_GT(frame.locked_psnr_db, frame.prior_psnr_db + 1);
}

}  // namespace
}  // namespace neurosplat
