#include "neurosplat/live/live_loop.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include "neurosplat/core/error.h"
#include "neurosplat/io/frame_source.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;
using testing::TemporaryFolder;

/// Small pictures; from `fails_after` on an error.
class Frames : public FrameSource {
 public:
  explicit Frames(std::int64_t count,
                  std::int64_t fails_after = std::numeric_limits<std::int64_t>::max())
      : count_(count), fails_after_(fails_after) {}
  std::optional<Frame> next() override {
    if (given_ == fails_after_) throw Error("the picture is broken");
    if (given_ == count_) return std::nullopt;
    return Frame{at::full({3, 16, 16}, given_++ % 200, at::kByte), ""};
  }
  double frames_per_second() const override { return 25.0; }
  std::int64_t frame_count() const override { return count_; }
  std::string description() const override { return "frames"; }
  /// One in two.
  std::int64_t dropped() const override { return given_; }

 private:
  std::int64_t count_, fails_after_, given_ = 0;
};

class Kept : public FrameSink {
 public:
  void write(const at::Tensor& picture) override { pictures.push_back(picture.clone()); }
  void close() override { ++closed; }
  bool has_a_rate() const override { return plays; }
  bool plays = false;
  std::vector<at::Tensor> pictures;
  int closed = 0;
};

const std::vector<LiveColumn> kColumns = {{"brightness", 2}};

SeenFrame see(const Frame& frame) {
  const auto picture = frame.picture.to(at::kFloat) / 255.0;
  return {.panels = picture.repeat({1, 1, 12}),
          .latency_ms = 1.0,
          .numbers = {picture.mean().item<double>()},
          .note = "seen"};
}

std::string content_of(const fs::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

// The window gets a line below what the sink gets.
TEST(LiveLoop, ShowsTheRateBelowThePanels) {
  Frames source(3);
  std::vector<at::Tensor> shown;
  LiveOptions options;
  options.show = [&](const at::Tensor& picture) {
    shown.push_back(picture);
    return true;
  };
  const auto report = run_live("look", kColumns, see, source, options);
  ASSERT_EQ(report.frames, 3);
  ASSERT_EQ(shown.size(), 3U);
  EXPECT_EQ(shown[0].sizes(), at::IntArrayRef({3, 36, 192}));
  EXPECT_GT(shown[0].narrow(1, 16, 20).max().item<float>(), 0.9F);
  EXPECT_NEAR(report.mean(0), 1.0 / 255.0, 1e-6);
  EXPECT_EQ(rate_summary(report).substr(0, 10), "3 frames, ");
}

TEST(LiveLoop, WritesARowAFrame) {
  const TemporaryFolder folder;
  Frames source(2);
  run_live("look", kColumns, see, source, {.metrics = folder / "rows.csv", .show = nullptr});
  EXPECT_EQ(content_of(folder / "rows.csv"),
            "frame,latency_ms,brightness,dropped\n1,1.000,0.00,1\n2,1.000,0.00,1\n");
}

TEST(LiveLoop, AFrameSeenAnotherWayHasNoNumbersAndIsFitted) {
  const TemporaryFolder folder;
  Frames source(3);
  Kept sink;
  int seen = 0;
  const auto report =
      run_live("look", kColumns,
               [&](const Frame& frame) {
                 if (++seen != 2) return see(frame);
                 return SeenFrame{.panels = at::ones({3, 40, 40}), .latency_ms = 2.0};
               },
               source, {.sink = &sink, .metrics = folder / "rows.csv", .show = nullptr});
  EXPECT_EQ(report.frames, 3);
  EXPECT_EQ(report.rows, 2);
  EXPECT_NE(content_of(folder / "rows.csv").find("\n2,2.000,,1\n"), std::string::npos);
  const auto other = sink.pictures.at(1);
  ASSERT_EQ(other.sizes(), at::IntArrayRef({3, 16, 192}));
  EXPECT_NEAR(other.narrow(2, 88, 16).min().item<double>(), 1.0, 1e-5);
  EXPECT_EQ(other.narrow(2, 0, 88).max().item<double>(), 0.0);
}

// One frame in two is missed: a video keeps its pace, pictures are written once.
TEST(LiveLoop, MissedFramesTakeTheirTimeInAVideo) {
  for (const bool plays : {false, true}) {
    Frames source(3);
    Kept sink;
    sink.plays = plays;
    run_live("look", kColumns, see, source, {.sink = &sink, .metrics = "", .show = nullptr});
    std::vector<int> levels;
    for (const auto& picture : sink.pictures) {
      levels.push_back(static_cast<int>(std::lround(picture.mean().item<double>() * 255)));
    }
    EXPECT_EQ(levels, plays ? (std::vector<int>{0, 0, 1, 1, 2}) : (std::vector<int>{0, 1, 2}));
  }
}

TEST(LiveLoop, AnErrorLeavesWhatWasSeen) {
  const TemporaryFolder folder;
  Frames source(9, 2), at_once(9, 0);
  const auto video = folder / "seen.mp4", rows = folder / "rows.csv";
  {
    const auto sink = open_frame_sink(video, 25.0);
    EXPECT_THROW(run_live("look", kColumns, see, source,
                          {.sink = sink.get(), .metrics = rows, .show = nullptr}),
                 Error);
  }
  const auto written = open_frame_source(video.string());
  int frames = 0;
  while (written->next()) ++frames;
  EXPECT_EQ(frames, 3);  // one was missed between them
  EXPECT_EQ(content_of(rows).substr(0, 6), "frame,");
  const auto none = folder / "none.csv";
  EXPECT_THROW(run_live("look", kColumns, see, at_once, {.metrics = none, .show = nullptr}), Error);
  EXPECT_FALSE(fs::exists(none));
  EXPECT_FALSE(fs::exists(folder / ".none.csv.tmp"));
}

TEST(LiveLoop, AnInterruptEndsTheRun) {
  const TemporaryFolder folder;
  Frames source(9);
  Kept sink;
  const auto report =
      run_live("look", kColumns,
               [&](const Frame& frame) {
                 if (sink.pictures.size() == 2) std::raise(SIGINT);
                 return see(frame);
               },
               source, {.sink = &sink, .metrics = folder / "rows.csv", .show = nullptr});
  EXPECT_TRUE(report.interrupted);
  EXPECT_EQ(report.frames, 3);
  EXPECT_EQ(sink.closed, 1);
  EXPECT_TRUE(fs::exists(folder / "rows.csv"));
}

TEST(Latencies, PercentilesAreThoseOfTheValues) {
  LatencyHistogram latencies;
  EXPECT_EQ(latencies.percentile(50.0), 0.0);
  std::vector<double> values;
  for (int i = 1; i <= 200; ++i) values.push_back(0.37 * (201 - i));
  for (const double value : values) latencies.add(value);
  for (const double percent : {1.0, 50.0, 99.0, 100.0}) {
    const double exact = percentile(values, percent);
    EXPECT_NEAR(latencies.percentile(percent), exact, 0.0051 * exact) << percent;
  }
  latencies.add(0.0);
  latencies.add(1e12);
  EXPECT_EQ(latencies.count(), 202);
}

TEST(Percentile, IsTheNearestRank) {
  EXPECT_EQ(percentile({30, 10, 20}, 50), 20);
  EXPECT_EQ(percentile({30, 10, 20}, 99), 30);
  EXPECT_EQ(percentile({30, 10, 20, 40}, 50), 20);
  EXPECT_EQ(percentile({7}, 1), 7);
}

}  // namespace
}  // namespace neurosplat
