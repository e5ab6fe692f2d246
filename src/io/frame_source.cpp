#include "neurosplat/io/frame_source.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <string_view>
#include <utility>
#include <vector>

#include "io/frame_capture.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/log.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/image_file.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kCamera = "camera:";
constexpr double kRateOfPictures = 25.0;

std::vector<fs::path> pictures_in(const fs::path& folder) {
  std::vector<fs::path> pictures;
  std::error_code failed, unreadable;
  for (fs::directory_iterator it(folder, failed), end; !failed && it != end; it.increment(failed)) {
    if (is_picture_name(it->path()) && it->is_regular_file(unreadable)) {
      pictures.push_back(it->path());
    }
  }
  if (failed) {
    throw Error(text("expected to list the folder ", folder.string(), ": ", failed.message()));
  }
  if (pictures.empty()) {
    throw Error(text("expected pictures (jpg, jpeg, png, bmp, webp) in ", folder.string(),
                     ", found none: give another folder"));
  }
  std::sort(pictures.begin(), pictures.end());
  return pictures;
}

/// The pictures of a folder in the order of their names.
class FolderSource : public FrameSource {
 public:
  explicit FolderSource(fs::path folder)
      : folder_(std::move(folder)), pictures_(pictures_in(folder_)) {}

  std::optional<Frame> next() override {
    while (position_ < pictures_.size()) {
      const auto& path = pictures_[position_++];
      try {
        Frame frame{read_picture(path), path.filename().string()};
        ++read_;
        return frame;
      } catch (const Error& error) {
        log::warn(text("skipped: ", error.what()));
      }
    }
    if (read_ == 0) {
      throw Error(text("expected a picture that can be read in ", folder_.string(),
                       ", none of its ", pictures_.size(), " can: give another folder"));
    }
    return std::nullopt;
  }

  double frames_per_second() const override { return kRateOfPictures; }
  std::int64_t frame_count() const override { return static_cast<std::int64_t>(pictures_.size()); }
  std::string description() const override {
    return text("folder ", folder_.string(), ", ", pictures_.size(), " pictures");
  }

 private:
  fs::path folder_;
  std::vector<fs::path> pictures_;
  std::size_t position_ = 0, read_ = 0;
};

/// One picture, read at once so that a bad one is found before anything else is done.
class StillSource : public FrameSource {
 public:
  explicit StillSource(const fs::path& path)
      : path_(path), frame_(Frame{read_picture(path), path.filename().string()}) {}

  std::optional<Frame> next() override { return std::exchange(frame_, std::nullopt); }
  double frames_per_second() const override { return kRateOfPictures; }
  std::int64_t frame_count() const override { return 1; }
  std::string description() const override { return text("picture ", path_.string()); }

 private:
  fs::path path_;
  std::optional<Frame> frame_;
};

int camera_index(const std::string& source) {
  const std::string_view digits = std::string_view(source).substr(kCamera.size());
  int index = -1;
  const auto [end, failed] = std::from_chars(digits.begin(), digits.end(), index);
  if (failed != std::errc() || end != digits.end() || index < 0) {
    throw UsageError(
        text("source: expected camera: and a number from 0 on, e.g. camera:0, got '", source, "'"));
  }
  return index;
}

bool is_number(const std::string& source) {
  return !source.empty() && std::all_of(source.begin(), source.end(),
                                        [](unsigned char c) { return std::isdigit(c) != 0; });
}

}  // namespace

std::unique_ptr<FrameSource> open_frame_source(const std::string& source) {
  if (source.starts_with(kCamera)) return open_camera(camera_index(source));
  if (is_number(source)) {
    throw UsageError(text("source: '", source, "' may be a camera or a file: write camera:", source,
                          " or ./", source));
  }
  std::error_code ignored;
  const auto status = fs::status(source, ignored);
  if (!fs::exists(status)) {
    throw Error(
        text("expected a camera (camera:0), a video, a picture or a folder of pictures, "
             "there is no '",
             source, "'"));
  }
  if (fs::is_directory(status)) return std::make_unique<FolderSource>(source);
  if (!fs::is_regular_file(status)) {
    throw Error(text("expected a video, a picture or a folder of pictures, ", source,
                     " is a device or a pipe"));
  }
  if (is_picture_name(source)) return std::make_unique<StillSource>(source);
  return open_video(source);
}

}  // namespace neurosplat
