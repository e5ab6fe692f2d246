#include "io/decoded_picture.h"

#include <opencv2/core.hpp>
#include <string_view>
#include <vector>

#include "io/file_bytes.h"
#include "io/picture_header.h"
#include "io/picture_library.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/lazy_library.h"
#include "neurosplat/core/text.h"

namespace neurosplat {
namespace {

constexpr std::uint64_t most_bytes = std::uint64_t{1} << 30U;
constexpr std::uint64_t most_pixels = std::uint64_t{1} << 28U;
constexpr std::uint64_t longest_side = std::uint64_t{1} << 20U;

void check_bytes(const std::vector<std::uint8_t>& bytes) {
  const auto size = check_picture(bytes);
  if (size.width > longest_side || size.height > longest_side ||
      size.width * size.height > most_pixels)
    throw Error(text("it claims ", size.width, "x", size.height, " pixels, too many to open"));
}

}  // namespace

const PictureLibrary& picture_library() {
  static const auto& instance = lazy_functions<PictureLibrary>("pictures");
  return instance;
}

cv::Mat decoded_picture(const std::filesystem::path& path, int flags) {
  auto bytes = read_bytes(path, "a picture", most_bytes);
  const auto refuse = [&](std::string_view got) {
    return Error(
        text("expected a picture at ", path.string(), ", ", got, ": replace or remove the file"));
  };
  cv::Mat picture;
  try {
    check_bytes(bytes);
    drop_colour_profile(bytes);
    picture = picture_library().decode(bytes, flags);
  } catch (const Error& error) {
    throw refuse(error.what());
  } catch (const cv::Exception&) {
    throw refuse("it cannot be decoded");
  }
  const bool known = (picture.depth() == CV_8U || picture.depth() == CV_16U) &&
                     (picture.channels() == 1 || picture.channels() == 3);
  if (picture.empty() || !known) throw refuse("it cannot be decoded");
  return picture;
}

}  // namespace neurosplat
