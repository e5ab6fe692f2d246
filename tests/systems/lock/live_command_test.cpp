// neurosplat-live as a user meets it: exit codes, files, what it prints.
#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <regex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "neurosplat/core/text.h"
#include "neurosplat/io/frame_sink.h"
#include "neurosplat/io/frame_source.h"
#include "neurosplat/io/image_file.h"
#include "neurosplat/systems/splat_vae/model_file.h"
#include "support/command.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;
using testing::Finished;
using testing::TemporaryFolder;

constexpr std::int64_t kSize = 32;

at::Tensor picture(std::int64_t height, std::int64_t width, int frame) {
  const auto x = at::linspace(0.0, 3.0, width).view({1, 1, width});
  const auto y = at::linspace(0.0, 2.0, height).view({1, height, 1});
  return (0.5 + 0.4 * at::sin(x + y + 0.2 * frame)).expand({3, height, width});
}

/// A folder with a random model, model.safetensors, and a video, video.mp4.
class Live : public ::testing::Test {
 protected:
  void SetUp() override {
    save_splat_vae(folder_ / "model.safetensors", SplatVae({kSize, 16, 8}, 1));
    write_video(6);
    ::unsetenv("DISPLAY");
    ::unsetenv("WAYLAND_DISPLAY");
    ::unsetenv("QT_QPA_PLATFORM");
  }

  void write_video(int frames) const {
    const auto sink = open_frame_sink(folder_ / "video.mp4", 25.0);
    for (int i = 0; i < frames; ++i) sink->write(picture(48, 64, i));
    sink->close();
  }

  /// Grey, 16 bit and with an opacity.
  static void write_odd_pictures(const fs::path& folder) {
    cv::imwrite((folder / "e.png").string(), cv::Mat(40, 30, CV_8UC1, cv::Scalar(90)));
    cv::imwrite((folder / "f.png").string(), cv::Mat(30, 40, CV_16UC3, cv::Scalar(9, 900, 40000)));
    cv::imwrite((folder / "g.png").string(), cv::Mat(50, 40, CV_8UC4, cv::Scalar(9, 90, 200, 40)));
  }

  std::string path(const char* name) const { return (folder_ / name).string(); }

  std::vector<std::string> command(const std::vector<std::string>& more) const {
    std::vector<std::string> all = {testing::program("neurosplat-live"), "lock", "--threads", "1"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }

  Finished live(const std::vector<std::string>& more) const {
    return testing::run_command(command(more));
  }

  /// Fails with `status` and one line that holds `part`.
  void expect_refusal(const std::vector<std::string>& more, int status,
                      const std::string& part) const {
    const auto run = live(more);
    EXPECT_EQ(run.status, status) << run.errors;
    EXPECT_EQ(run.output, "");
    EXPECT_EQ(std::count(run.errors.begin(), run.errors.end(), '\n'), 1) << run.errors;
    EXPECT_NE(run.errors.find(part), std::string::npos) << run.errors;
  }

  TemporaryFolder folder_;
};

std::int64_t count_panels(const fs::path& video) {
  const auto source = open_frame_source(video.string());
  std::int64_t frames = 0;
  while (const auto frame = source->next()) {
    EXPECT_EQ(frame->picture.sizes(), at::IntArrayRef({3, 2 * kSize, 6 * kSize}));
    ++frames;
  }
  return frames;
}

TEST_F(Live, LocksAVideoIntoAVideo) {
  const auto run = live({"--model", folder_.path().string(), "--source", path("video.mp4"), "--out",
                         path("out.mp4"), "--metrics", path("frames.csv"), "--headless"});
  ASSERT_EQ(run.status, 0) << run.errors;
  EXPECT_TRUE(std::regex_match(
      run.output, std::regex("6 frames, [0-9.]+ frames/s, latency median [0-9.]+ ms, 99th "
                             "percentile [0-9.]+ ms, PSNR prior [0-9.]+ dB -> locked [0-9.]+ "
                             "dB\n")))
      << run.output;
  EXPECT_EQ(run.errors.find("warning"), std::string::npos) << run.errors;
  EXPECT_EQ(count_panels(folder_ / "out.mp4"), 6);
  std::ifstream csv(folder_ / "frames.csv");
  std::int64_t lines = 0;
  for (std::string line; std::getline(csv, line);) ++lines;
  EXPECT_EQ(lines, 7);
  EXPECT_FALSE(fs::exists(folder_ / ".out.tmp.mp4"));
}

// The reference's option names, with underscores.
TEST_F(Live, LocksAPictureIntoAFolder) {
  write_png(folder_ / "one.png", picture(40, 40, 0));
  const auto run = live({"--model_path", path("model.safetensors"), "--source", path("one.png"),
                         "--image_size", "32", "--num_packets", "16", "--solver", "adam", "--steps",
                         "10", "--lr", "0.05", "--out", path("panels")});
  ASSERT_EQ(run.status, 0) << run.errors;
  EXPECT_EQ(run.output.substr(0, 9), "1 frame, ");
  EXPECT_EQ(read_picture(folder_ / "panels" / "frame_000001.png").sizes(),
            at::IntArrayRef({3, 2 * kSize, 6 * kSize}));
}

TEST_F(Live, StopsAfterTheFramesAskedFor) {
  const auto run = live({"--model", path("model.safetensors"), "--source", path("video.mp4"),
                         "--frames", "2", "--out", path("out.mp4")});
  ASSERT_EQ(run.status, 0) << run.errors;
  EXPECT_EQ(count_panels(folder_ / "out.mp4"), 2);
}

TEST_F(Live, SaysWhenNothingIsShownOrWritten) {
  const auto run = live({"--model", path("model.safetensors"), "--source", path("video.mp4")});
  EXPECT_EQ(run.status, 0) << run.errors;
  EXPECT_NE(run.errors.find("nothing is shown or written"), std::string::npos) << run.errors;
}

TEST_F(Live, GoesOnWithoutAWindowWhereTheDisplayCannotBeReached) {
  ::setenv("DISPLAY", ":4711", 1);
  const auto run = live({"--model", path("model.safetensors"), "--source", path("video.mp4"),
                         "--out", path("out.mp4")});
  EXPECT_EQ(run.status, 0) << run.errors;
  EXPECT_NE(run.errors.find("no window opens"), std::string::npos) << run.errors;
  EXPECT_EQ(count_panels(folder_ / "out.mp4"), 6);
}

// Qt can draw its windows nowhere.
TEST_F(Live, ShowsPanelsInAWindow) {
  ::setenv("DISPLAY", ":4711", 1);
  ::setenv("QT_QPA_PLATFORM", "offscreen", 1);
  const auto run = live({"--model", path("model.safetensors"), "--source", path("video.mp4")});
  EXPECT_EQ(run.status, 0) << run.errors;
  EXPECT_EQ(run.output.substr(0, 9), "6 frames,");
  if (run.errors.find("no window opens") != std::string::npos) {
    GTEST_SKIP() << "no window opens: this OpenCV has no offscreen windows and there is no display";
  }
  EXPECT_NE(run.errors.find("panels in a window"), std::string::npos) << run.errors;
}

// The window's process stands for a display that goes: the GUI library ends it in both cases.
TEST_F(Live, GoesOnWhenTheDisplayGoes) {
  ::setenv("DISPLAY", ":4711", 1);
  ::setenv("QT_QPA_PLATFORM", "offscreen", 1);
  write_video(400);
  const int process = testing::start_command(
      command({"--model", path("model.safetensors"), "--source", path("video.mp4"), "--budget", "5",
               "--out", path("out.mp4")}));
  for (int i = 0; i < 600 && !fs::exists(folder_ / ".out.tmp.mp4"); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  std::ifstream in(text("/proc/", process, "/task/", process, "/children"));
  int window = 0;
  const bool has_window = static_cast<bool>(in >> window);
  if (has_window) ::kill(window, SIGKILL);
  EXPECT_EQ(testing::wait_for_command(process), 0);
  EXPECT_EQ(count_panels(folder_ / "out.mp4"), 400);
  if (!has_window)
    GTEST_SKIP() << "no window opens: this OpenCV has no offscreen windows and there is no display";
}

TEST_F(Live, SmokeSaysThatItWorked) {
  for (const char* solver : {"closed-form", "closed_form", "adam", "latent", "iterative"}) {
    const auto run = live({"--smoke", "--solver", solver, "--no_adapt"});
    EXPECT_EQ(run.status, 0) << run.errors;
    EXPECT_TRUE(run.output.starts_with("smoke: ok, 3 frames, ")) << run.output;
  }
}

// Every frame is either locked or counted as dropped.
TEST_F(Live, RealtimeDropsWhatIsLate) {
  write_video(20);
  const auto run = live({"--model", path("model.safetensors"), "--source", path("video.mp4"),
                         "--realtime", "--budget", "100", "--metrics", path("frames.csv")});
  ASSERT_EQ(run.status, 0) << run.errors;
  std::ifstream csv(folder_ / "frames.csv");
  std::string line;
  std::getline(csv, line);
  EXPECT_EQ(line, "frame,latency_ms,prior_psnr_db,locked_psnr_db,floaters,steps,dropped");
  int frames = 0;
  for (; std::getline(csv, line); ++frames) frames += std::stoi(line.substr(line.rfind(',') + 1));
  EXPECT_EQ(frames, 20);
}

// Sizes that change, one grey, one of 16 bit, one with an opacity, one that is broken.
TEST_F(Live, WatchesAFolderOfAllSorts) {
  const auto pictures = folder_ / "pictures";
  fs::create_directory(pictures);
  write_png(pictures / "a.png", picture(40, 40, 0));
  write_png(pictures / "b.png", picture(64, 50, 1));
  write_png(pictures / "c.png", picture(33, 90, 2));
  std::ofstream(pictures / "d.png") << "no picture";
  write_odd_pictures(pictures);
  const auto run = live({"--model", path("model.safetensors"), "--source", pictures.string(),
                         "--record", path("out.mp4")});
  EXPECT_EQ(run.status, 0) << run.errors;
  EXPECT_NE(run.errors.find("skipped"), std::string::npos) << run.errors;
  EXPECT_EQ(count_panels(folder_ / "out.mp4"), 6);
}

TEST_F(Live, AnInterruptLeavesAWholeVideo) {
  write_video(3000);
  const int process = testing::start_command(command(
      {"--model", path("model.safetensors"), "--source", path("video.mp4"), "--solver", "adam",
       "--steps", "100", "--record", path("out.mp4"), "--metrics", path("frames.csv")}));
  for (int i = 0; i < 600 && !fs::exists(folder_ / ".out.tmp.mp4"); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  ASSERT_EQ(::kill(process, SIGINT), 0);
  EXPECT_EQ(testing::wait_for_command(process), 130);
  const auto frames = count_panels(folder_ / "out.mp4");
  EXPECT_GE(frames, 1);
  EXPECT_LT(frames, 3000);
  EXPECT_FALSE(fs::exists(folder_ / ".out.tmp.mp4"));
  EXPECT_TRUE(fs::exists(folder_ / "frames.csv"));
}

std::string content(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST_F(Live, NothingThatItReadsIsReplaced) {
  const auto model = path("model.safetensors"), video = path("video.mp4");
  const auto before = std::pair{content(video), content(model)};
  const auto same = (folder_ / "panels" / ".." / "video.mp4").string();
  for (const auto& more :
       std::vector<std::vector<std::string>>{{"--out", video, "--overwrite"},
                                             {"--record", video},
                                             {"--metrics", same, "--overwrite"}}) {
    std::vector<std::string> all = {"--model", model, "--source", video};
    all.insert(all.end(), more.begin(), more.end());
    expect_refusal(all, 2, "is what --source reads");
  }
  expect_refusal(
      {"--model", folder_.path().string(), "--source", video, "--metrics", model, "--overwrite"}, 2,
      "is what --model reads");
  expect_refusal({"--model", model, "--source", video, "--out", path("x"), "--metrics", path("x")},
                 2, "is what --out writes");
  EXPECT_EQ(content(video), before.first);
  EXPECT_EQ(content(model), before.second);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator()), 2);
}

TEST_F(Live, EarlierResultsAreReplacedOnlyWhenAsked) {
  const auto model = path("model.safetensors"), video = path("video.mp4");
  const std::vector<std::string> into_folder = {"--model",  model, "--source", video,
                                                "--frames", "2",   "--out",    path("panels")};
  fs::create_directory(folder_ / "panels");
  for (const char* name : {"frame_000002.png", "frame_000009.png", "mine.png"}) {
    write_png(folder_ / "panels" / name, picture(40, 40, 0));
  }
  const auto with_overwrite = [](std::vector<std::string> all) {
    all.push_back("--overwrite");
    return all;
  };
  expect_refusal(into_folder, 2, "frame_000002.png is there already");
  EXPECT_TRUE(fs::exists(folder_ / "panels" / "frame_000009.png"));
  EXPECT_EQ(live(with_overwrite(into_folder)).status, 0);
  std::set<std::string> left;
  for (const auto& entry : fs::directory_iterator(folder_ / "panels")) {
    left.insert(entry.path().filename().string());
  }
  EXPECT_EQ(left, (std::set<std::string>{"frame_000001.png", "frame_000002.png", "mine.png"}));

  std::ofstream(folder_ / "out.mp4") << "an hour of work";
  std::ofstream(folder_ / "m.csv") << "figures";
  const std::vector<std::string> into_file = {
      "--model", model, "--source", video, "--out", path("out.mp4"), "--metrics", path("m.csv")};
  expect_refusal(into_file, 2, "--overwrite");
  EXPECT_EQ(content(folder_ / "out.mp4"), "an hour of work");
  EXPECT_EQ(live(with_overwrite(into_file)).status, 0);
  EXPECT_EQ(count_panels(folder_ / "out.mp4"), 6);
  EXPECT_TRUE(content(folder_ / "m.csv").starts_with("frame,"));
}

TEST_F(Live, WithoutAModelTakesTheShippedOne) {
  const auto run =
      live({"--source", path("video.mp4"), "--frames", "1", "--metrics", path("frames.csv")});
  ASSERT_EQ(run.status, 0) << run.errors;
  EXPECT_NE(run.errors.find("512 packets, 128x128"), std::string::npos) << run.errors;
  EXPECT_EQ(run.output.substr(0, 9), "1 frame, ");
}

TEST_F(Live, RefusesBadUsage) {
  const auto model = path("model.safetensors"), video = path("video.mp4");
  expect_refusal({"--model", model, "--source", video, "--frobnicate"}, 2, "--frobnicate");
  expect_refusal({"--model", model, "--source", "0"}, 2, "camera:0");
  expect_refusal({"--model", model, "--source", video, "--steps", "0"}, 2, "steps");
  expect_refusal({"--model", model, "--source", video, "--lr", "-1"}, 2, "lr");
  expect_refusal({"--model", model, "--source", video, "--solver", "newton"}, 2, "'newton'");
  expect_refusal({"--model", model, "--source", video, "--geometry", "flat"}, 2, "'flat'");
  expect_refusal({"--model", model, "--source", video, "--budget", "0"}, 2, "budget");
  expect_refusal({"--model", model, "--source", video, "--ridge", "0"}, 2, "ridge");
  expect_refusal({"--model", model, "--source", video, "--threshold", "-1"}, 2, "threshold");
  expect_refusal({"--model", model, "--source", video, "--narrowest", "0"}, 2, "narrowest");
  expect_refusal({"--model", model, "--source", video, "--frames", "-1"}, 2, "frames");
  expect_refusal({"--model", model, "--source", video, "--num-packets", "512"}, 2, "512");
  expect_refusal({"--model", model, "--source", video, "--image-size", "64"}, 2, "has 32, 64");
  expect_refusal({"--model", model, "--source", video, "--out", path("out.avi")}, 2, "out.avi");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator()), 2);
}

TEST_F(Live, SaysWhatWentWrong) {
  const auto model = path("model.safetensors"), video = path("video.mp4");
  std::ofstream(folder_ / "text.mp4") << "this is text\n";
  expect_refusal({"--model", path("absent"), "--source", video}, 1, "absent");
  expect_refusal({"--model", model, "--source", path("text.mp4")}, 1, "text.mp4");
  expect_refusal({"--model", model, "--source", path("absent.mp4")}, 1, "absent.mp4");
  expect_refusal({"--model", model, "--source", video, "--out", path("absent/out.mp4")}, 1,
                 "out.mp4");
  expect_refusal({"--model", model, "--source", video, "--metrics", path("absent/m.csv")}, 1,
                 "m.csv");
  if (!fs::exists("/dev/video99")) {
    expect_refusal({"--model", model, "--source", "camera:99"}, 1, "/dev/video99");
    expect_refusal({"--model", model, "--cam", "99"}, 1, "/dev/video99");
  }
}

}  // namespace
}  // namespace neurosplat
