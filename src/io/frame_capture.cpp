#include "io/frame_capture.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <opencv2/core/utils/logger.hpp>
#include <vector>

#include "io/video_library.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/lazy_library.h"
#include "neurosplat/core/log.h"
#include "neurosplat/core/text.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;

constexpr double kUsualRate = 25.0;
constexpr double kHighestRate = 1000.0;
constexpr double kMostPixels = 1 << 28;
constexpr double kMostFrames = 1e9;
/// Reads that fail in a row before a video counts as over, though it claims more frames.
constexpr std::int64_t kPatience = 1000;

/// In a plain loop: LibTorch's would start a pool of threads for the thread that reads ahead.
at::Tensor to_planes(const cv::Mat& picture) {
  const auto planes = at::empty({3, picture.rows, picture.cols}, at::kByte);
  const auto pixels = static_cast<std::size_t>(planes[0].numel());
  auto* red = planes.data_ptr<std::uint8_t>();
  auto *green = red + pixels, *blue = green + pixels;
  for (int row = 0; row < picture.rows; ++row) {
    const auto* bgr = picture.ptr<std::uint8_t>(row);
    for (int column = 0; column < picture.cols; ++column, bgr += 3) {
      *blue++ = bgr[0];
      *green++ = bgr[1];
      *red++ = bgr[2];
    }
  }
  return planes;
}

double rate_of(const VideoReader& capture) {
  const double rate = capture.rate();
  return rate > 0.0 && rate <= kHighestRate ? rate : kUsualRate;
}

/// The picture that was grabbed, nothing where it cannot be decoded.
std::optional<at::Tensor> retrieve(VideoReader& capture) {
  cv::Mat picture;
  try {
    if (!capture.retrieve(picture) || picture.empty() || picture.type() != CV_8UC3) {
      return std::nullopt;
    }
  } catch (const cv::Exception&) {
    return std::nullopt;
  }
  return to_planes(picture);
}

std::string size_and_rate(const VideoReader& capture) {
  return text(static_cast<std::int64_t>(capture.width()), "x",
              static_cast<std::int64_t>(capture.height()), ", ",
              std::round(100.0 * rate_of(capture)) / 100.0, " frames/s");
}

class CameraSource : public FrameSource {
 public:
  CameraSource(std::unique_ptr<VideoReader> capture, int index)
      : capture_(std::move(capture)), index_(index) {
    capture_->keep_only_the_newest();
  }

  std::optional<Frame> next() override {
    std::optional<at::Tensor> picture;
    if (capture_->grab()) picture = retrieve(*capture_);
    if (picture) return Frame{*picture, std::to_string(++frames_)};
    if (frames_ == 0) {
      throw Error(
          text("camera:", index_, " opens but gives no frame: is another program using it?"));
    }
    log::warn(text("camera:", index_, " gives no more frames after ", frames_));
    return std::nullopt;
  }

  double frames_per_second() const override { return rate_of(*capture_); }
  std::int64_t frame_count() const override { return 0; }
  std::string description() const override {
    return text("camera:", index_, ", ", size_and_rate(*capture_));
  }

 private:
  std::unique_ptr<VideoReader> capture_;
  int index_;
  std::int64_t frames_ = 0;
};

class VideoSource : public FrameSource {
 public:
  VideoSource(std::unique_ptr<VideoReader> capture, fs::path path)
      : capture_(std::move(capture)), path_(std::move(path)) {
    const double claimed = capture_->frames();
    if (claimed > 0.0) claimed_ = static_cast<std::int64_t>(std::min(claimed, kMostFrames));
  }

  std::optional<Frame> next() override {
    std::int64_t failed = 0;
    while (!over_) {
      std::optional<at::Tensor> picture;
      if (grab()) picture = retrieve(*capture_);
      if (picture) {
        skipped_ += failed;
        if (failed > 0 && skipped_ == failed) {
          log::warn(text("skipped: ", path_.string(), " has broken frames, the first after frame ",
                         read_));
        }
        ++read_;
        return Frame{*picture, std::to_string(read_ + skipped_)};
      }
      over_ = ++failed + read_ + skipped_ > claimed_ || failed > kPatience;
    }
    report_end();
    return std::nullopt;
  }

  double frames_per_second() const override { return rate_of(*capture_); }
  std::int64_t frame_count() const override { return claimed_; }
  std::string description() const override {
    return text("video ", path_.string(), ", ", size_and_rate(*capture_));
  }

 private:
  bool grab() {
    try {
      return capture_->grab();
    } catch (const cv::Exception&) {
      return false;
    }
  }

  void report_end() {
    if (std::exchange(reported_, true)) return;
    if (read_ == 0) {
      throw Error(text("expected a video at ", path_.string(),
                       ", none of its frames can be decoded: give another file"));
    }
    // Containers without an index only estimate their count.
    if (skipped_ > 0 || read_ + 1 < claimed_ - claimed_ / 50) {
      log::warn(text(path_.string(), " claims ", claimed_, " frames, ", read_, " could be read"));
    }
  }

  std::unique_ptr<VideoReader> capture_;
  fs::path path_;
  std::int64_t claimed_ = 0, read_ = 0, skipped_ = 0;
  bool over_ = false, reported_ = false;
};

std::string cameras_here() {
  std::vector<std::string> devices;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/dev", ignored)) {
    if (entry.path().filename().string().starts_with("video")) {
      devices.push_back(entry.path().string());
    }
  }
  if (devices.empty()) return "no /dev/video* is there";
  std::sort(devices.begin(), devices.end());
  std::string list = devices.front();
  for (std::size_t i = 1; i < devices.size(); ++i) list += ", " + devices[i];
  return list + (devices.size() == 1 ? " is there" : " are there");
}

template <class Open>
bool opens(const Open& open) {
  try {
    return open();
  } catch (const cv::Exception&) {
    return false;
  }
}

}  // namespace

const VideoLibrary& video_library() {
  static const auto& instance = lazy_functions<VideoLibrary>("video");
  return instance;
}

void silence_video_library() {
  ::setenv("OPENCV_FFMPEG_LOGLEVEL", "-8", /*overwrite=*/0);
  cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
}

std::unique_ptr<FrameSource> open_camera(int index) {
  silence_video_library();
  auto capture = video_library().reader();
  if (!opens([&] { return capture->open(index); })) {
    throw Error(text("expected a camera at camera:", index, ", tried index ", index,
                     " with Video4Linux (/dev/video", index, "), it does not open; ",
                     cameras_here(), ": give another index, a video or a folder of pictures"));
  }
  return std::make_unique<CameraSource>(std::move(capture), index);
}

std::unique_ptr<FrameSource> open_video(const fs::path& path) {
  silence_video_library();
  auto capture = video_library().reader();
  if (!opens([&] { return capture->open(path.string()); })) {
    throw Error(text("expected a video at ", path.string(),
                     ", FFmpeg finds none in it: give a video, a picture or a folder"));
  }
  const double pixels = capture->width() * capture->height();
  if (!(pixels >= 1.0 && pixels <= kMostPixels)) {
    throw Error(text("expected a video at ", path.string(), ", it claims ", pixels,
                     " pixels a frame: give another file"));
  }
  return std::make_unique<VideoSource>(std::move(capture), path);
}

}  // namespace neurosplat
