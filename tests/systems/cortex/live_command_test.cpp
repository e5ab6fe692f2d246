// neurosplat-live agreement, saccade and temporal as a user meets them.
#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
#include <string>
#include <vector>

#include "neurosplat/core/text.h"
#include "neurosplat/io/frame_sink.h"
#include "neurosplat/io/frame_source.h"
#include "neurosplat/io/image_file.h"
#include "neurosplat/systems/splat_predictor/koopman_file.h"
#include "neurosplat/systems/splat_vae/model_file.h"
#include "support/command.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;
using testing::Finished;

/// Four panels of 256 with their labels, four pixels between them.
const std::vector<std::int64_t> kFour = {3, 276, 4 * 256 + 12};

at::Tensor picture(int frame) {
  const auto x = at::linspace(0.0, 9.0, 80).view({1, 1, 80});
  const auto y = at::linspace(0.0, 7.0, 60).view({1, 60, 1});
  return (0.5 + 0.4 * at::sin(x + 0.2 * frame) * at::cos(y)).expand({3, 60, 80});
}

class LiveModes : public ::testing::Test {
 protected:
  void SetUp() override {
    save_splat_vae(folder_ / "model.safetensors", SplatVae({32, 16, 8}, 1));
    const auto sink = open_frame_sink(folder_ / "video.mp4", 25.0);
    for (int i = 0; i < 4; ++i) sink->write(picture(i));
    sink->close();
    ::unsetenv("DISPLAY");
    ::unsetenv("WAYLAND_DISPLAY");
    before_ = fs::current_path();
    fs::current_path(folder_.path());  // some files are written where the program stands
  }
  void TearDown() override { fs::current_path(before_); }

  std::string path(const char* name) const { return (folder_ / name).string(); }

  Finished live(const std::string& mode, const std::vector<std::string>& more) const {
    std::vector<std::string> all = {testing::program("neurosplat-live"), mode, "--threads", "1"};
    all.insert(all.end(), more.begin(), more.end());
    return testing::run_command(all);
  }

  void expect_refusal(const std::string& mode, const std::vector<std::string>& more, int status,
                      const std::string& part) const {
    const auto run = live(mode, more);
    EXPECT_EQ(run.status, status) << run.errors;
    EXPECT_EQ(std::count(run.errors.begin(), run.errors.end(), '\n'), 1) << run.errors;
    EXPECT_NE(run.errors.find(part), std::string::npos) << run.errors;
  }

  std::vector<std::string> lines_of(const char* name) const {
    std::ifstream in(folder_ / name);
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
  }

  testing::TemporaryFolder folder_;
  fs::path before_;
};

TEST_F(LiveModes, SmokeSaysThatItWorked) {
  const std::regex line(
      R"(smoke: ok, percept 256x256, fixations \(row, column\)( \(\d+, \d+\)){4}\n)");
  for (const char* mode : {"agreement", "temporal"}) {
    const auto run = live(mode, {"--smoke"});
    EXPECT_EQ(run.status, 0) << run.errors;
    EXPECT_TRUE(std::regex_match(run.output, line)) << run.output;
  }
  const auto run = live("saccade", {"--smoke"});
  EXPECT_EQ(run.status, 0) << run.errors;
  EXPECT_TRUE(run.output.starts_with("smoke: ok, 3 frames, PSNR prior ")) << run.output;
}

TEST_F(LiveModes, AgreementWatchesAVideo) {
  const auto run = live(
      "agreement", {"--source", path("video.mp4"), "--fixations", "3", "--decay", "0.4", "--fovea",
                    "12", "--out", path("out.mp4"), "--metrics", path("frames.csv")});
  ASSERT_EQ(run.status, 0) << run.errors;
  EXPECT_TRUE(std::regex_match(
      run.output, std::regex("4 frames, [0-9.]+ frames/s, latency median [0-9.]+ ms, 99th "
                             "percentile [0-9.]+ ms, PSNR expected [0-9.]+ dB -> percept [0-9.]+ "
                             "dB, mean surprise 0\\.[0-9]+\n")))
      << run.output;
  const auto source = open_frame_source(path("out.mp4"));
  int frames = 0;
  while (const auto frame = source->next()) {
    EXPECT_EQ(frame->picture.sizes().vec(), kFour);
    ++frames;
  }
  EXPECT_EQ(frames, 4);
  const auto lines = lines_of("frames.csv");
  ASSERT_EQ(lines.size(), 5U);
  EXPECT_EQ(lines[0], "frame,latency_ms,expected_psnr_db,percept_psnr_db,surprise,dropped");
}

// The reference's option names, and the file that it writes.
TEST_F(LiveModes, AgreementWritesAStill) {
  write_png(folder_ / "one.png", picture(0));
  const auto run =
      live("agreement", {"--image", path("one.png"), "--model", path("model.safetensors"),
                         "--num_packets", "16", "--image_size", "32"});
  ASSERT_EQ(run.status, 0) << run.errors;
  EXPECT_EQ(read_picture(folder_ / "live_agreement_still.png").sizes().vec(), kFour);
  expect_refusal("agreement", {"--image", path("one.png")}, 2,
                 "live_agreement_still.png is there already");
  expect_refusal("agreement", {"--image", path("live_agreement_still.png"), "--overwrite"}, 2,
                 "live_agreement_still.png is what --image reads");
  EXPECT_EQ(live("agreement", {"--image", path("one.png"), "--overwrite"}).status, 0);
}

TEST_F(LiveModes, TheModelsGistFlickersOnlyWhenAsked) {
  fs::create_directory(folder_ / "still");
  for (const char* name : {"a.png", "b.png"}) write_png(folder_ / "still" / name, picture(0));
  const auto gists = [&](const std::vector<std::string>& more, const char* csv) {
    std::vector<std::string> all = {
        "--source", path("still"), "--model", path("model.safetensors"), "--metrics", path(csv)};
    all.insert(all.end(), more.begin(), more.end());
    EXPECT_EQ(live("agreement", all).status, 0);
    std::vector<std::string> found;
    for (const auto& line : lines_of(csv)) {
      std::smatch match;
      if (std::regex_match(line, match, std::regex(R"(\d+,[0-9.]+,([0-9.]+),.*)")))
        found.push_back(match[1]);
    }
    return found;
  };
  const auto mean = gists({}, "mean.csv"), sampled = gists({"--sample"}, "sample.csv");
  ASSERT_EQ(mean.size(), 2U);
  ASSERT_EQ(sampled.size(), 2U);
  EXPECT_EQ(mean[0], mean[1]);
  EXPECT_NE(sampled[0], mean[0]);
}

TEST_F(LiveModes, TemporalWritesASeries) {
  fs::create_directory(folder_ / "frames");
  for (int i = 0; i < 3; ++i) {
    write_png(folder_ / "frames" / text("f", i, ".png"), picture(i));
  }
  const auto run = live("temporal", {"--image_seq", path("frames")});
  ASSERT_EQ(run.status, 0) << run.errors;
  for (const char* name : {"temporal_001.png", "temporal_002.png", "temporal_003.png"}) {
    EXPECT_EQ(read_picture(folder_ / name).sizes().vec(), kFour);
  }
  EXPECT_EQ(live("temporal", {"--image-seq", path("frames"), "--out", path("series")}).status, 0);
  EXPECT_TRUE(fs::exists(folder_ / "series" / "temporal_003.png"));
  fs::remove(folder_ / "frames" / "f2.png");
  expect_refusal("temporal", {"--image-seq", path("frames")}, 2, "temporal_001.png is there");
  expect_refusal("temporal", {"--image-seq", path("frames"), "--out", path("frames")}, 2,
                 "is what --image-seq reads");
  EXPECT_EQ(live("temporal", {"--image-seq", path("frames"), "--overwrite"}).status, 0);
  EXPECT_TRUE(fs::exists(folder_ / "temporal_002.png"));
  EXPECT_FALSE(fs::exists(folder_ / "temporal_003.png"));  // of the longer run
}

TEST_F(LiveModes, TemporalForeseesWithAKoopmanOperator) {
  save_koopman(folder_ / "koopman.safetensors", at::eye(8));
  const auto run =
      live("temporal", {"--source", path("video.mp4"), "--model", path("model.safetensors"),
                        "--koopman", path("koopman.safetensors"), "--out", path("panels")});
  ASSERT_EQ(run.status, 0) << run.errors;
  EXPECT_TRUE(fs::exists(folder_ / "panels" / "frame_000004.png"));
  save_koopman(folder_ / "wrong.safetensors", at::eye(7));
  expect_refusal("temporal",
                 {"--source", path("video.mp4"), "--model", path("model.safetensors"), "--koopman",
                  path("wrong.safetensors")},
                 2, "8x8");
  expect_refusal("temporal",
                 {"--source", path("video.mp4"), "--model", path("model.safetensors"), "--koopman",
                  path("model.safetensors")},
                 1, "weight");
  expect_refusal("temporal",
                 {"--source", path("video.mp4"), "--koopman", path("koopman.safetensors")}, 2,
                 "--model");
}

TEST_F(LiveModes, SaccadeWatchesAVideo) {
  const auto run = live(
      "saccade", {"--model_path", path("model.safetensors"), "--source", path("video.mp4"),
                  "--latent", "8", "--fixations", "2", "--steps", "3", "--lr", "0.1", "--fovea",
                  "0.2", "--record", path("panels"), "--metrics", path("frames.csv")});
  ASSERT_EQ(run.status, 0) << run.errors;
  EXPECT_NE(run.output.find("PSNR prior"), std::string::npos) << run.output;
  EXPECT_EQ(read_picture(folder_ / "panels" / "frame_000004.png").sizes(),
            at::IntArrayRef({3, 84, 3 * 64 + 8}));
  EXPECT_EQ(lines_of("frames.csv").at(0), "frame,latency_ms,prior_psnr_db,percept_psnr_db,dropped");
}

TEST_F(LiveModes, RefusesBadUsage) {
  const auto video = path("video.mp4"), model = path("model.safetensors");
  for (const char* mode : {"agreement", "temporal"}) {
    expect_refusal(mode, {"--source", video, "--decay", "2"}, 2, "decay");
    expect_refusal(mode, {"--source", video, "--fixations", "-1"}, 2, "fixations");
    expect_refusal(mode, {"--source", video, "--fovea", "0"}, 2, "fovea");
    expect_refusal(mode, {"--source", video, "--sample"}, 2, "--model");
    expect_refusal(mode, {"--source", video, "--model", model, "--image-size", "64"}, 2, "has 32");
    expect_refusal(mode, {"--source", path("absent.mp4")}, 1, "absent.mp4");
  }
  expect_refusal("saccade", {"--source", video, "--model", model, "--fovea", "-1"}, 2, "fovea");
  expect_refusal("saccade", {"--source", video, "--model", model, "--latent", "9"}, 2, "has 8");
  expect_refusal("agreement", {"--source", video, "--image", "a.png"}, 2, "excludes");
}

}  // namespace
}  // namespace neurosplat
