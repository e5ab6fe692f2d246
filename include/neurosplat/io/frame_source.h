#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace neurosplat {

/// One picture of a stream.
struct Frame {
  at::Tensor picture;  ///< uint8 [3, H, W] RGB; the size may change from frame to frame
  std::string name;    ///< file name, or the number of the frame from 1 on
};

/// Frames one after the other: a camera, a video, a folder of pictures, one picture.
class FrameSource {
 public:
  virtual ~FrameSource() = default;

  /// The next frame, nothing at the end. What cannot be decoded is skipped with a warning; throws
  /// Error when the whole source holds no frame that can.
  virtual std::optional<Frame> next() = 0;
  /// The rate the frames were taken at; 25 where the source has none.
  virtual double frames_per_second() const = 0;
  /// How many frames there are as far as the source says, 0 where it cannot know.
  virtual std::int64_t frame_count() const = 0;
  /// How many frames were left out so far because a newer one was there.
  virtual std::int64_t dropped() const { return 0; }
  /// For people, e.g. "video flower.mp4, 640x360, 30 frames/s".
  virtual std::string description() const = 0;
};

/// Opens "camera:INDEX", a folder of pictures (in the order of their names), a picture (jpg,
/// jpeg, png, bmp, webp) or a video (any other file). Throws UsageError when `source` cannot be
/// any of these, Error when it cannot be opened.
std::unique_ptr<FrameSource> open_frame_source(const std::string& source);

}  // namespace neurosplat
