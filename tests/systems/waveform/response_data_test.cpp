#include "neurosplat/systems/waveform/response_data.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <set>

#include "neurosplat/core/error.h"
#include "neurosplat/io/image_file.h"
#include "neurosplat/recordings/pvc1.h"
#include "neurosplat/recordings/simulated_v1.h"
#include "support/command.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;

std::set<std::int64_t> frames_of(const ResponseSet& part) {
  const auto* first = part.frame.const_data_ptr<std::int64_t>();
  return {first, first + part.frame.numel()};
}

void expect_apart(const ResponseData& data) {
  for (const auto frame : frames_of(data.test)) {
    EXPECT_FALSE(frames_of(data.train).contains(frame));
    EXPECT_FALSE(frames_of(data.validation).contains(frame));
  }
  for (const auto frame : frames_of(data.validation)) {
    EXPECT_FALSE(frames_of(data.train).contains(frame));
  }
}

ResponseRequest simulated() {
  ResponseRequest request;
  request.images.dataset = "synthetic";
  request.images.splits = {"train"};
  request.most_pictures = 60;
  request.repeats = 2;
  request.electrodes = 4;
  request.side = 16;
  return request;
}

TEST(ResponseData, SimulatedPartsShareNoPicture) {
  const auto data = open_responses(simulated());
  EXPECT_EQ(data.pictures.sizes(), at::IntArrayRef({180, 3, 16, 16}));
  EXPECT_EQ(data.electrodes, 4);
  EXPECT_EQ(data.samples, 48);
  expect_apart(data);
  EXPECT_GT(data.train.frame.numel(), 60);
  EXPECT_EQ(open_responses(simulated()).hash, data.hash);
  auto other = simulated();
  other.seed = 1;
  EXPECT_NE(open_responses(other).hash, data.hash);
  other = simulated();
  other.images.splits = {"train", "test"};
  EXPECT_EQ(open_responses(other).test.frame.numel(), 0);
}

/// A recording in the published layout, whose frames say by their brightness which segment they
/// are of, and whose neurons fire in the bright half of each segment.
class Pvc1Data : public ::testing::Test {
 protected:
  static constexpr std::int64_t kSegments = 10, kFrames = 12;

  void SetUp() override {
    const SimulatedV1 v1({.electrodes = 3, .noise_rate = 5});
    Recording recording{3, {}};
    for (std::int64_t segment = 0; segment < kSegments; ++segment) {
      char name[64];
      std::snprintf(name, sizeof name, "movie000_%03d", static_cast<int>(segment));
      const auto at = folder_ / "movie_frames" / (std::string(name) + ".images");
      fs::create_directories(at);
      for (std::int64_t frame = 0; frame < kFrames; ++frame) {
        char file[64];
        std::snprintf(file, sizeof file, "%s_%03d.png", name, static_cast<int>(frame));
        const double level = static_cast<double>(20 * segment + frame) / 255;
        write_png(at / file, at::full({3, 24, 32}, level, at::kFloat));
      }
      auto shown = v1.record(at::full({kFrames, 3}, 60.0, at::kFloat), kMovieRate,
                             static_cast<std::uint64_t>(segment));
      shown.segment = segment;
      shown.repeat = 0;
      recording.presentations.push_back(std::move(shown));
    }
    fs::create_directories(folder_ / "neurodata/ac1");
    write_pvc1(folder_ / "neurodata/ac1/ac1_u004_000.mat", recording);
    request_.recording = "pvc1";
    request_.images.data = folder_.path();
    request_.side = 16;
  }

  testing::TemporaryFolder folder_;
  ResponseRequest request_;
};

TEST_F(Pvc1Data, WholeSegmentsAreHeldOut) {
  const auto data = open_responses(request_);
  EXPECT_EQ(data.electrodes, 3);
  EXPECT_EQ(data.pictures.size(0), kSegments * kFrames);
  std::set<int> segments[3];
  const ResponseSet* parts[] = {&data.train, &data.validation, &data.test};
  for (int part = 0; part < 3; ++part) {
    for (const auto frame : frames_of(*parts[part])) {
      segments[part].insert(data.pictures[frame].max().item<int>() / 20);
    }
  }
  EXPECT_EQ(segments[0].size(), 6U);
  EXPECT_EQ(segments[1].size(), 2U);
  EXPECT_EQ(segments[2].size(), 2U);
  for (const int segment : segments[2]) {
    EXPECT_FALSE(segments[0].contains(segment) || segments[1].contains(segment));
  }
  // Other folds test other segments, and all are tested once.
  std::set<std::int64_t> tested;
  for (request_.fold = 0; request_.fold < 5; ++request_.fold) {
    for (const auto frame : frames_of(open_responses(request_).test))
      tested.insert(frame / kFrames);
  }
  EXPECT_EQ(tested.size(), static_cast<std::size_t>(kSegments));
}

TEST_F(Pvc1Data, PairsOfSpikesAreMore) {
  const auto frames = open_responses(request_).train.frame.numel();
  request_.pairing = "spike";
  EXPECT_GT(open_responses(request_).train.frame.numel(), frames);
}

TEST_F(Pvc1Data, SaysWhatIsWrong) {
  request_.session = "ac9";
  EXPECT_THROW(open_responses(request_), Error);
  request_.session = "";
  fs::remove_all(folder_ / "movie_frames/movie000_003.images");
  EXPECT_THROW(open_responses(request_), Error);
  request_.recording = "other";
  EXPECT_THROW(open_responses(request_), UsageError);
  request_.recording = "simulated";
  request_.fold = 5;
  EXPECT_THROW(open_responses(request_), UsageError);
  request_.fold = 0;
  for (request_.repeats = 0; request_.repeats <= 1001; request_.repeats += 1001) {
    EXPECT_THROW(open_responses(request_), UsageError);
  }
}

/// Whole movies are held out, and the waveform's mean over time is the count.
TEST(ResponseData, MacaqueHoldsWholeMoviesOut) {
  const auto root = testing::shared_folder("data/v1-macaque-henaff2021");
  if (!root) GTEST_SKIP() << "SKIPPED: no shared data/v1-macaque-henaff2021";
  ResponseRequest request;
  request.recording = "macaque";
  request.images.data = *root;
  request.session = "ay3_u002";
  request.side = 32;
  const auto data = open_responses(request);
  expect_apart(data);
  EXPECT_EQ(frames_of(data.test).size(), 80U);
  EXPECT_EQ(frames_of(data.train).size(), 240U);
  EXPECT_EQ(data.samples, 35);
  // Counts are whole numbers but for missing ones, which are a unit's mean.
  const auto counts = data.test.waveforms.mean(2);
  const auto whole = counts.sub(counts.round()).abs().lt(1e-3).to(at::kDouble).mean();
  EXPECT_GT(whole.item<double>(), 0.8);
  EXPECT_LT(whole.item<double>(), 1.0);
}

TEST(ResponseData, SpreadAndScale) {
  const ResponseSet part{at::arange(24, at::kFloat).view({6, 2, 2}), at::arange(6, at::kLong)};
  EXPECT_TRUE(spread_over(part, 3).frame.equal(at::tensor(std::vector<std::int64_t>{0, 2, 4})));
  EXPECT_EQ(spread_over(part, 0).frame.numel(), 6);
  const auto [mean, deviation] = scale_of(part);
  EXPECT_NEAR(mean[0].item<double>(), 10.5, 1e-6);
  EXPECT_NEAR(mean[1].item<double>(), 12.5, 1e-6);
  EXPECT_GT(deviation.min().item<double>(), 0);
}

}  // namespace
}  // namespace neurosplat
