#include <opencv2/imgcodecs.hpp>

#include "io/picture_library.h"
#include "neurosplat/core/lazy_library.h"

namespace neurosplat {
namespace {

constexpr PictureLibrary kFunctions{
    .decode = [](const std::vector<std::uint8_t>& bytes,
                 int flags) { return cv::imdecode(bytes, flags); },
    .encode =
        [](const std::string& extension, const cv::Mat& picture, std::vector<std::uint8_t>& bytes,
           const std::vector<int>& options) {
          return cv::imencode(extension, picture, bytes, options);
        }};

}  // namespace
}  // namespace neurosplat

extern "C" [[gnu::visibility("default")]] const void* neurosplat_functions(const char* version) {
  return neurosplat::functions_for(version, NEUROSPLAT_VERSION, neurosplat::kFunctions);
}
