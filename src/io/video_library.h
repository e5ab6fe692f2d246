#pragma once

#include <memory>
#include <opencv2/core.hpp>
#include <string>

namespace neurosplat {

/// cv::VideoCapture and cv::VideoWriter, whose members these are and which throw cv::Exception.
/// OpenCV's video library loads some 220 others (FFmpeg, GStreamer), so that it is opened with the
/// first camera or video. The library's properties and codecs are plain numbers.
class VideoReader {
 public:
  virtual ~VideoReader() = default;
  virtual bool open(int camera) = 0;               // by Video4Linux
  virtual bool open(const std::string& path) = 0;  // by FFmpeg
  virtual bool grab() = 0;
  virtual bool retrieve(cv::Mat& picture) = 0;
  virtual void keep_only_the_newest() = 0;
  virtual double frames() const = 0;
  virtual double rate() const = 0;
  virtual double width() const = 0;
  virtual double height() const = 0;
};

class VideoWriter {
 public:
  virtual ~VideoWriter() = default;
  /// MPEG-4 by FFmpeg.
  virtual bool open(const std::string& path, double rate, const cv::Size& size) = 0;
  virtual void write(const cv::Mat& picture) = 0;
  virtual void release() = 0;
};

struct VideoLibrary {
  std::unique_ptr<VideoReader> (*reader)();
  std::unique_ptr<VideoWriter> (*writer)();
};

/// Throws LibraryMissing.
const VideoLibrary& video_library();

}  // namespace neurosplat
