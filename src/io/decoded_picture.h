#pragma once

#include <filesystem>
#include <opencv2/core/mat.hpp>

namespace neurosplat {

/// A picture file as OpenCV decodes it by `flags` (cv::IMREAD_...): blue, green, red, interleaved,
/// or grey, of 8 or 16 bits; turned upright where the file says how it was held. The file is
/// checked before the decoder sees it. Throws Error, one line.
cv::Mat decoded_picture(const std::filesystem::path& path, int flags);

}  // namespace neurosplat
