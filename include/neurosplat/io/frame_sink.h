#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <memory>

namespace neurosplat {

/// Takes frames, one after the other.
class FrameSink {
 public:
  virtual ~FrameSink() = default;

  /// float [3, H, W] in [0, 1] (clamped), every frame of the size of the first.
  virtual void write(const at::Tensor& picture) = 0;
  /// Completes what was written. A video that is dropped before leaves no file.
  virtual void close() = 0;
  /// Whether what is written plays at a rate, so that frames left out would make it too fast.
  virtual bool has_a_rate() const { return false; }
};

/// The pictures that a folder gets, from 1 on, with # for digits.
inline constexpr const char* kFrameFiles = "frame_######.png";

/// Whether open_frame_sink makes a video of that path, not a folder of pictures. Throws UsageError
/// when it would be neither.
bool is_video_sink(const std::filesystem::path& path);

/// A video for a path that ends in .mp4 (even sizes; under a temporary name until it is closed),
/// else a folder that gets kFrameFiles. Throws UsageError for another extension, Error when it
/// cannot be written there or the folder holds frames already.
std::unique_ptr<FrameSink> open_frame_sink(const std::filesystem::path& path,
                                           double frames_per_second);

}  // namespace neurosplat
