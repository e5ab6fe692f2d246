#include "io/video_library.h"

#include <opencv2/videoio.hpp>

#include "neurosplat/core/lazy_library.h"

namespace neurosplat {
namespace {

class Reader : public VideoReader {
 public:
  bool open(int camera) override { return capture_.open(camera, cv::CAP_V4L2); }
  bool open(const std::string& path) override { return capture_.open(path, cv::CAP_FFMPEG); }
  bool grab() override { return capture_.grab(); }
  bool retrieve(cv::Mat& picture) override { return capture_.retrieve(picture); }
  void keep_only_the_newest() override { capture_.set(cv::CAP_PROP_BUFFERSIZE, 1); }
  double frames() const override { return capture_.get(cv::CAP_PROP_FRAME_COUNT); }
  double rate() const override { return capture_.get(cv::CAP_PROP_FPS); }
  double width() const override { return capture_.get(cv::CAP_PROP_FRAME_WIDTH); }
  double height() const override { return capture_.get(cv::CAP_PROP_FRAME_HEIGHT); }

 private:
  cv::VideoCapture capture_;
};

class Writer : public VideoWriter {
 public:
  bool open(const std::string& path, double rate, const cv::Size& size) override {
    return writer_.open(path, cv::CAP_FFMPEG, cv::VideoWriter::fourcc('m', 'p', '4', 'v'), rate,
                        size);
  }
  void write(const cv::Mat& picture) override { writer_.write(picture); }
  void release() override { writer_.release(); }

 private:
  cv::VideoWriter writer_;
};

constexpr VideoLibrary kFunctions{
    .reader = []() -> std::unique_ptr<VideoReader> { return std::make_unique<Reader>(); },
    .writer = []() -> std::unique_ptr<VideoWriter> { return std::make_unique<Writer>(); }};

}  // namespace
}  // namespace neurosplat

extern "C" [[gnu::visibility("default")]] const void* neurosplat_functions(const char* version) {
  return neurosplat::functions_for(version, NEUROSPLAT_VERSION, neurosplat::kFunctions);
}
