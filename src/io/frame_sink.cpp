#include "neurosplat/io/frame_sink.h"

#include <ATen/ATen.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <opencv2/core.hpp>
#include <string>
#include <system_error>
#include <utility>

#include "io/frame_capture.h"
#include "io/video_library.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/image_file.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

bool sync(const fs::path& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  const bool synced = ::fsync(file) == 0 || errno == EINVAL;  // EINVAL: it cannot be synced
  return ::close(file) == 0 && synced;
}

/// MPEG-4 counts time in units of at most 1/65535 s: a high rate has no room for decimals.
double rate_for_mpeg4(double rate) {
  if (!(rate >= 1.0)) return 1.0;
  return rate <= 60.0 ? rate : std::round(std::min(rate, 1000.0));
}

class VideoSink : public FrameSink {
 public:
  VideoSink(fs::path path, double rate)
      : path_(std::move(path)),
        temporary_(folder_of(path_) / text(".", path_.stem().string(), ".tmp.mp4")),
        rate_(rate_for_mpeg4(rate)) {}

  ~VideoSink() override {
    if (writer_) writer_->release();
    std::error_code ignored;
    if (!closed_) fs::remove(temporary_, ignored);
  }

  void write(const at::Tensor& picture) override {
    if (closed_) throw Error(text(path_.string(), " is closed, no frame can follow"));
    check(picture);
    const auto pixels = to_bgr_pixels(picture);
    const cv::Mat frame(static_cast<int>(pixels.size(0)), static_cast<int>(pixels.size(1)), CV_8UC3,
                        pixels.data_ptr<std::uint8_t>());
    try {
      if (frames_ == 0) open(frame.size());
      writer_->write(frame);
    } catch (const cv::Exception&) {
      throw Error(text("expected to write a frame to ", path_.string(), ", the encoder failed"));
    }
    ++frames_;
  }

  bool has_a_rate() const override { return true; }
  void close() override {
    if (std::exchange(closed_, true) || frames_ == 0) return;
    try {
      writer_->release();
      finish();
    } catch (...) {
      std::error_code ignored;
      fs::remove(temporary_, ignored);
      throw;
    }
  }

 private:
  void check(const at::Tensor& picture) {
    if (picture.dim() != 3 || picture.size(0) != 3 || picture.size(1) < 2 || picture.size(2) < 2 ||
        picture.size(1) % 2 != 0 || picture.size(2) % 2 != 0 || !picture.is_floating_point()) {
      throw Error(text("expected a frame, float [3, H, W] of even sizes, got ", picture.toString(),
                       " ", picture.sizes()));
    }
    if (frames_ == 0) return;
    if (picture.size(1) != size_.height || picture.size(2) != size_.width) {
      throw Error(text("expected every frame of ", path_.string(), " to be ", size_.width, "x",
                       size_.height, ", got ", picture.size(2), "x", picture.size(1)));
    }
  }

  void open(const cv::Size& size) {
    silence_video_library();
    size_ = size;
    std::error_code ignored;
    fs::remove(temporary_, ignored);  // of a killed writer, or a link to somewhere else
    writer_ = video_library().writer();
    if (!writer_->open(temporary_.string(), rate_, size)) {
      throw Error(text("expected to write ", path_.string(), " as MPEG-4 video of ", size.width,
                       "x", size.height,
                       " pixels, FFmpeg refused: check that the folder may be "
                       "written, or give a folder for PNG files"));
    }
  }

  /// The writer says nothing of a full disk, so the file itself is asked.
  void finish() {
    auto written = video_library().reader();
    const bool whole = written->open(temporary_.string()) &&
                       std::llround(written->frames()) == static_cast<long long>(frames_);
    written.reset();
    if (!whole || !sync(temporary_)) {
      throw Error(text("expected to write ", frames_, " frames to ", path_.string(),
                       ", the file came out damaged: check that the disk has room"));
    }
    std::error_code failed;
    fs::rename(temporary_, path_, failed);
    if (failed) {
      throw Error(
          text("expected to write ", path_.string(), ", the system said: ", failed.message()));
    }
    sync(folder_of(path_));
  }

  fs::path path_, temporary_;
  double rate_;
  std::unique_ptr<VideoWriter> writer_;
  cv::Size size_;
  std::int64_t frames_ = 0;
  bool closed_ = false;
};

class FolderSink : public FrameSink {
 public:
  explicit FolderSink(fs::path folder) : folder_(std::move(folder)) {
    std::error_code failed;
    fs::create_directories(folder_, failed);
    if (failed) {
      throw Error(text("expected to make the folder ", folder_.string(),
                       ", the system said: ", failed.message()));
    }
    if (fs::exists(path_of(1), failed)) {
      throw Error(text("expected a folder without frames of an earlier run, ", folder_.string(),
                       " holds ", path_of(1).filename().string(), ": give another or empty it"));
    }
  }

  void write(const at::Tensor& picture) override { write_png(path_of(++frames_), picture); }
  void close() override {}

 private:
  fs::path path_of(std::int64_t number) const {
    char name[40];
    std::snprintf(name, sizeof name, "frame_%06lld.png", static_cast<long long>(number));
    return folder_ / name;
  }

  fs::path folder_;
  std::int64_t frames_ = 0;
};

std::string lower_extension(const fs::path& path) {
  auto extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return extension;
}

}  // namespace

bool is_video_sink(const fs::path& path) {
  std::error_code ignored;
  const bool is_folder = fs::is_directory(path, ignored);
  const auto extension = lower_extension(path);
  if (path.empty() || (!is_folder && !extension.empty() && extension != ".mp4")) {
    throw UsageError(
        text("out: expected a name that ends in .mp4 or a folder, got '", path.string(), "'"));
  }
  return !is_folder && !extension.empty();
}

std::unique_ptr<FrameSink> open_frame_sink(const fs::path& path, double frames_per_second) {
  if (!is_video_sink(path)) return std::make_unique<FolderSink>(path);
  std::error_code ignored;
  const auto status = fs::status(path, ignored);
  if (fs::exists(status) && !fs::is_regular_file(status)) {
    throw Error(text("expected a file to write, ", path.string(),
                     " is a device or a pipe: give another path"));
  }
  if (!fs::is_directory(folder_of(path), ignored)) {
    throw Error(text("expected the folder of ", path.string(), ", there is none: make it first"));
  }
  return std::make_unique<VideoSink>(path, frames_per_second);
}

}  // namespace neurosplat
