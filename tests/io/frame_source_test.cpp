#include "neurosplat/io/frame_source.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <opencv2/core.hpp>
#include <opencv2/videoio.hpp>
#include <string>
#include <vector>

#include "io/one_line.h"
#include "io/test_pictures.h"
#include "neurosplat/core/error.h"
#include "neurosplat/io/frame_sink.h"
#include "neurosplat/io/image_file.h"
#include "support/command.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;
using testing::drifting_picture;
using testing::one_line_error;
using testing::TemporaryFolder;

void put(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

std::vector<Frame> all_of(FrameSource& source) {
  std::vector<Frame> frames;
  while (auto frame = source.next()) frames.push_back(*frame);
  EXPECT_FALSE(source.next());
  return frames;
}

std::string opening_error(const std::string& source) {
  return one_line_error([&] { open_frame_source(source); });
}

void write_video(const fs::path& path, int frames, int height, int width) {
  const auto sink = open_frame_sink(path, 25.0);
  for (int i = 0; i < frames; ++i) sink->write(drifting_picture(height, width, i));
  sink->close();
}

TEST(FrameSource, ReadsAFolderInTheOrderOfItsNames) {
  const TemporaryFolder folder;
  const auto picture = [](int i) { return drifting_picture(20 + i, 30, i); };
  for (const int i : {2, 0, 1}) write_png(folder / ("p" + std::to_string(i) + ".png"), picture(i));
  put(folder / "a_broken.jpg", "this is text, not a picture");
  put(folder / "notes.txt", "not looked at");
  fs::create_directory(folder / "folder.png");
  const auto source = open_frame_source(folder.path().string());
  EXPECT_EQ(source->frame_count(), 4);
  ::testing::internal::CaptureStderr();
  const auto frames = all_of(*source);
  const auto said = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("a_broken.jpg"), std::string::npos) << said;
  ASSERT_EQ(frames.size(), 3U);
  for (int i = 0; i < 3; ++i) {
    const auto& frame = frames[static_cast<std::size_t>(i)];
    EXPECT_EQ(frame.name, "p" + std::to_string(i) + ".png");
    EXPECT_TRUE(frame.picture.equal((255.0 * picture(i)).round().to(at::kByte))) << i;
  }
}

TEST(FrameSource, ReadsOnePicture) {
  const TemporaryFolder folder;
  write_png(folder / "one.PNG", drifting_picture(8, 9, 0));
  const auto source = open_frame_source((folder / "one.PNG").string());
  EXPECT_EQ(source->frame_count(), 1);
  const auto frames = all_of(*source);
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_TRUE(frames[0].picture.equal((255.0 * drifting_picture(8, 9, 0)).round().to(at::kByte)));
}

TEST(FrameSource, ReadsAVideo) {
  const TemporaryFolder folder;
  write_video(folder / "v.mp4", 7, 48, 64);
  const auto source = open_frame_source((folder / "v.mp4").string());
  EXPECT_EQ(source->frame_count(), 7);
  EXPECT_NEAR(source->frames_per_second(), 25.0, 1e-9);
  const auto frames = all_of(*source);
  ASSERT_EQ(frames.size(), 7U);
  for (int i = 0; i < 7; ++i) {
    const auto& frame = frames[static_cast<std::size_t>(i)];
    ASSERT_EQ(frame.picture.scalar_type(), at::kByte);
    ASSERT_EQ(frame.picture.sizes(), at::IntArrayRef({3, 48, 64}));
    // Lossy, but no channel or row is swapped and no frame is another one.
    const auto far = (frame.picture.to(at::kFloat) / 255.0 - drifting_picture(48, 64, i)).abs();
    EXPECT_LT(far.mean().item<double>(), 0.02) << i;
    EXPECT_EQ(frame.name, std::to_string(i + 1));
  }
}

// Written by OpenCV itself, whose order is blue, green, red: our sink may not cancel our mistakes.
TEST(FrameSource, GivesRedFirst) {
  const TemporaryFolder folder;
  cv::VideoWriter writer((folder / "v.mp4").string(), cv::CAP_FFMPEG,
                         cv::VideoWriter::fourcc('m', 'p', '4', 'v'), 25.0, cv::Size(64, 32));
  for (int i = 0; i < 3; ++i) writer.write(cv::Mat(32, 64, CV_8UC3, cv::Scalar(30, 90, 200)));
  writer.release();
  const auto frame = open_frame_source((folder / "v.mp4").string())->next();
  ASSERT_TRUE(frame);
  ASSERT_EQ(frame->picture.sizes(), at::IntArrayRef({3, 32, 64}));
  const auto expected = at::tensor({200, 90, 30}, at::kInt).view({3, 1, 1});
  EXPECT_LE((frame->picture.to(at::kInt) - expected).abs().max().item<int>(), 6);
}

// Zeros over the middle third: the decoder loses frames there, the rest must still come.
TEST(FrameSource, GoesOnAfterBrokenFramesOfAVideo) {
  const TemporaryFolder folder;
  write_video(folder / "v.mp4", 60, 64, 64);
  std::ifstream in(folder / "v.mp4", std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(in), {}};
  bytes.replace(bytes.size() / 3, bytes.size() / 3, bytes.size() / 3, '\0');
  put(folder / "broken.mp4", bytes);
  ::testing::internal::CaptureStderr();
  const auto frames = all_of(*open_frame_source((folder / "broken.mp4").string()));
  const auto said = ::testing::internal::GetCapturedStderr();
  EXPECT_LT(frames.size(), 60U);
  ASSERT_GT(frames.size(), 30U);
  EXPECT_NE(said.find("claims 60 frames"), std::string::npos) << said;
  EXPECT_NE(said.find("broken.mp4"), std::string::npos) << said;
}

TEST(FrameSource, SaysWhatIsNoSource) {
  const TemporaryFolder folder;
  const auto said = [&](const std::string& source, const std::string& part) {
    ::testing::internal::CaptureStderr();
    const auto message = opening_error(source);
    EXPECT_NE(message.find(part), std::string::npos) << message;
    EXPECT_EQ(::testing::internal::GetCapturedStderr(), "") << source;
  };
  put(folder / "text.mp4", "this is text, not a video\n");
  put(folder / "text.png", "this is text, not a picture\n");
  put(folder / "empty.mp4", "");
  fs::create_directory(folder / "empty");
  said((folder / "text.mp4").string(), "text.mp4");
  said((folder / "empty.mp4").string(), "empty.mp4");
  said((folder / "text.png").string(), "text.png");
  said((folder / "empty").string(), "found none");
  said((folder / "nothing.mp4").string(), "nothing.mp4");
  said("", "there is no ''");
  said("/dev/null", "a device");
}

TEST(FrameSource, AFolderOfBrokenPicturesIsAnError) {
  const TemporaryFolder folder;
  put(folder / "a.jpg", "text");
  put(folder / "b.png", "text");
  const auto source = open_frame_source(folder.path().string());
  ::testing::internal::CaptureStderr();
  const auto message = one_line_error([&] { source->next(); });
  ::testing::internal::GetCapturedStderr();
  EXPECT_NE(message.find("none of its 2"), std::string::npos) << message;
}

TEST(FrameSource, ACameraThatIsNotThereSaysWhatWasTried) {
  if (fs::exists("/dev/video99")) GTEST_SKIP() << "there is a camera 99";
  ::testing::internal::CaptureStderr();
  const auto message = opening_error("camera:99");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
  for (const char* part : {"index 99", "Video4Linux", "/dev/video99", "/dev/video"}) {
    EXPECT_NE(message.find(part), std::string::npos) << message;
  }
}

TEST(FrameSource, RefusesHalfACamera) {
  for (const char* source : {"0", "12", "camera:", "camera:x", "camera:1x", "camera:-1",
                             "camera: 1", "camera:99999999999999"}) {
    EXPECT_THROW(open_frame_source(source), UsageError) << source;
  }
}

TEST(FrameSource, ReadsRealVideos) {
  const auto videos = testing::shared_folder("data/video");
  if (!videos) GTEST_SKIP() << "no shared videos";
  const auto source = open_frame_source((*videos / "flower.mp4").string());
  const auto first = source->next();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->picture.size(0), 3);
  EXPECT_GT(first->picture.to(at::kFloat).std().item<double>(), 10.0);
  std::int64_t frames = 1;
  while (source->next()) ++frames;
  EXPECT_EQ(frames, source->frame_count());
}

}  // namespace
}  // namespace neurosplat
