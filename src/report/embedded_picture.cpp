#include "report/embedded_picture.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <string_view>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/picture_bytes.h"
#include "report/html_text.h"
#include "report/limited_json.h"

namespace neurosplat::report {
namespace {

constexpr std::uint64_t kMostFile = 64U << 20, kMostAsIs = 600U << 10;  // bytes
constexpr std::uint64_t kMostPixels = 80'000'000;
constexpr std::int64_t kLongestSide = 1600;  // pixels

/// What a browser calls it; empty for what it may not know.
std::string type_of(std::string_view bytes) {
  if (bytes.starts_with("\x89PNG")) return "image/png";
  if (bytes.starts_with("\xff\xd8")) return "image/jpeg";
  if (bytes.starts_with("RIFF")) return "image/webp";
  return {};
}

at::Tensor reduced(const at::Tensor& pixels) {
  const auto picture = pixels.to(at::kFloat) / 255;
  const auto longest = std::max(pixels.size(1), pixels.size(2));
  if (longest <= kLongestSide) return picture;
  const auto part = [&](std::int64_t side) {
    return std::max<std::int64_t>(1, side * kLongestSide / longest);
  };
  return at::adaptive_avg_pool2d(picture, {part(pixels.size(1)), part(pixels.size(2))});
}

}  // namespace

std::string EmbeddedPictures::image(const std::filesystem::path& path) {
  const auto file = bytes_of(path, kMostFile);
  if (!file) {
    notes_.push_back(text(path.string(), ": cannot be read or is longer than 64 MiB: left out"));
    return {};
  }
  std::string bytes, type = type_of(*file);
  std::int64_t height = 0, width = 0;
  try {
    const auto pixels = decode_picture(*file, kMostPixels);
    height = pixels.size(1);
    width = pixels.size(2);
    const bool as_is = !type.empty() && file->size() <= kMostAsIs;
    bytes = as_is ? *file : encode_jpeg(reduced(pixels));
    if (!as_is) type = "image/jpeg";
  } catch (const Error& error) {
    notes_.push_back(text(path.string(), ": no picture: ", error.what()));
    return {};
  }
  const auto encoded = to_base64(bytes);
  if (encoded.size() > left_) {
    ++without_room_;
    return {};
  }
  left_ -= encoded.size();
  return text("<img alt=\"", escaped(path.filename().string()), "\" width=\"", width,
              "\" height=\"", height, "\" src=\"data:", type, ";base64,", encoded, "\">");
}

std::vector<std::string> EmbeddedPictures::notes() const {
  auto all = notes_;
  if (without_room_ > 0) {
    all.push_back(text(without_room_, " pictures left out: --picture-mib is used up"));
  }
  return all;
}

}  // namespace neurosplat::report
