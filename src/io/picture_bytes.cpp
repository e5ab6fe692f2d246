#include "neurosplat/io/picture_bytes.h"

#include <ATen/ATen.h>

#include <array>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <vector>

#include "io/picture_header.h"
#include "io/picture_library.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/image_file.h"

namespace neurosplat {
namespace {

constexpr int kJpegQuality = 92;
constexpr std::string_view kDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t kNoDigit = 255;

constexpr std::array<std::uint8_t, 256> digit_values() {
  std::array<std::uint8_t, 256> values{};
  values.fill(kNoDigit);
  for (std::size_t i = 0; i < kDigits.size(); ++i) {
    values[static_cast<unsigned char>(kDigits[i])] = static_cast<std::uint8_t>(i);
  }
  return values;
}

std::string encoded(const at::Tensor& picture, const std::string& extension,
                    const std::vector<int>& options) {
  const auto pixels = to_bgr_pixels(picture);
  const cv::Mat view(static_cast<int>(pixels.size(0)), static_cast<int>(pixels.size(1)), CV_8UC3,
                     pixels.data_ptr<std::uint8_t>());
  std::vector<std::uint8_t> bytes;
  if (!picture_library().encode(extension, view, bytes, options))
    throw Error("a picture cannot be encoded");
  return {bytes.begin(), bytes.end()};
}

}  // namespace

at::Tensor decode_picture(std::string_view bytes, std::uint64_t most_pixels) {
  std::vector<std::uint8_t> copy(bytes.begin(), bytes.end());
  const auto size = check_picture(copy);
  // Each side first: their product could wrap around.
  if (size.width > most_pixels || size.height > most_pixels ||
      size.width * size.height > most_pixels) {
    throw Error(text("expected a picture of at most ", most_pixels, " pixels, it claims ",
                     size.width, "x", size.height));
  }
  drop_colour_profile(copy);
  cv::Mat picture;
  try {
    picture = picture_library().decode(copy, cv::IMREAD_COLOR);
  } catch (const cv::Exception&) {
    picture.release();
  }
  if (picture.empty() || picture.type() != CV_8UC3) throw Error("a picture cannot be decoded");
  return at::from_blob(picture.data, {picture.rows, picture.cols, 3}, at::kByte)
      .permute({2, 0, 1})
      .flip(0)
      .contiguous();
}

std::string encode_jpeg(const at::Tensor& picture) {
  return encoded(picture, ".jpg", {cv::IMWRITE_JPEG_QUALITY, kJpegQuality});
}

std::string encode_png(const at::Tensor& picture) {
  return encoded(picture, ".png", {});
}

std::string to_base64(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    std::uint32_t group = 0;
    const auto count = std::min<std::size_t>(3, bytes.size() - at);
    for (std::size_t i = 0; i < 3; ++i) {
      group = group << 8U | (i < count ? static_cast<unsigned char>(bytes[at + i]) : 0U);
    }
    for (std::size_t i = 0; i < 4; ++i) {
      text += i <= count ? kDigits[group >> (18 - 6 * i) & 63U] : '=';
    }
  }
  return text;
}

std::string from_base64(std::string_view text) {
  static constexpr auto kValues = digit_values();
  if (text.size() % 4 != 0) throw Error("base64: expected whole groups of four characters");
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  for (std::size_t at = 0; at < text.size(); at += 4) {
    std::size_t padding = 0;
    if (at + 4 == text.size()) padding = text[at + 3] != '=' ? 0 : text[at + 2] != '=' ? 1 : 2;
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      const std::uint8_t value =
          i < 4 - padding ? kValues[static_cast<unsigned char>(text[at + i])] : std::uint8_t{0};
      if (value == kNoDigit) throw Error("base64: expected its 64 characters, got another");
      group = group << 6U | value;
    }
    for (std::size_t i = 0; i < 3 - padding; ++i) {
      bytes += static_cast<char>(group >> (16 - 8 * i) & 255U);
    }
  }
  return bytes;
}

}  // namespace neurosplat
