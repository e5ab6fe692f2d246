#include "live/window_library.h"

#include <opencv2/highgui.hpp>

#include "neurosplat/core/lazy_library.h"

namespace neurosplat {
namespace {

constexpr WindowLibrary kFunctions{
    .open = [](const std::string& title) { cv::namedWindow(title, cv::WINDOW_AUTOSIZE); },
    .show = [](const std::string& title, const cv::Mat& picture) { cv::imshow(title, picture); },
    .wait_for_key = [](int milliseconds) { return cv::waitKey(milliseconds); },
    .is_visible =
        [](const std::string& title) {
          return cv::getWindowProperty(title, cv::WND_PROP_VISIBLE) > 0;
        }};

}  // namespace
}  // namespace neurosplat

extern "C" [[gnu::visibility("default")]] const void* neurosplat_functions(const char* version) {
  return neurosplat::functions_for(version, NEUROSPLAT_VERSION, neurosplat::kFunctions);
}
