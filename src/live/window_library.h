#pragma once

#include <opencv2/core.hpp>
#include <string>

namespace neurosplat {

/// What windows need of OpenCV's highgui, which loads Qt; it is opened with the first window. The
/// functions throw cv::Exception.
struct WindowLibrary {
  void (*open)(const std::string& title);
  void (*show)(const std::string& title, const cv::Mat& picture);
  int (*wait_for_key)(int milliseconds);
  bool (*is_visible)(const std::string& title);
};

}  // namespace neurosplat
