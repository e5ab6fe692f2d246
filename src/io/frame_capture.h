#pragma once

#include <filesystem>
#include <memory>

#include "neurosplat/io/frame_source.h"

namespace neurosplat {

/// What OpenCV's video library reads. Both throw Error, one line, when it cannot.
std::unique_ptr<FrameSource> open_camera(int index);
std::unique_ptr<FrameSource> open_video(const std::filesystem::path& path);

/// Keeps OpenCV and FFmpeg from writing to standard error; a FFmpeg log level that the user set
/// in the environment stays.
void silence_video_library();

}  // namespace neurosplat
