#pragma once

#include <cstdint>
#include <opencv2/core.hpp>
#include <string>
#include <vector>

namespace neurosplat {

/// OpenCV's imdecode() and imencode(), which throw cv::Exception. OpenCV's library of picture
/// formats loads 120 others (GDAL and what it reads), so that it is opened with the first picture.
struct PictureLibrary {
  cv::Mat (*decode)(const std::vector<std::uint8_t>& bytes, int flags);
  bool (*encode)(const std::string& extension, const cv::Mat& picture,
                 std::vector<std::uint8_t>& bytes, const std::vector<int>& options);
};

/// Throws LibraryMissing.
const PictureLibrary& picture_library();

}  // namespace neurosplat
