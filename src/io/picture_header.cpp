#include "io/picture_header.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "neurosplat/core/error.h"

namespace neurosplat {
namespace {

using Bytes = std::span<const std::uint8_t>;

[[noreturn]] void cut() {
  throw Error("it is cut short");
}
[[noreturn]] void damaged() {
  throw Error("it is damaged");
}

std::uint64_t big_endian(Bytes bytes, std::size_t at, std::size_t count) {
  if (at > bytes.size() || count > bytes.size() - at) cut();
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < count; ++i) value = value << 8U | bytes[at + i];
  return value;
}

std::uint64_t little_endian(Bytes bytes, std::size_t at, std::size_t count) {
  if (at > bytes.size() || count > bytes.size() - at) cut();
  std::uint64_t value = 0;
  for (std::size_t i = count; i-- > 0;) value = value << 8U | bytes[at + i];
  return value;
}

bool has(Bytes bytes, std::size_t at, std::string_view mark) {
  return bytes.size() >= at + mark.size() &&
         std::equal(mark.begin(), mark.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at),
                    [](char a, std::uint8_t b) { return static_cast<std::uint8_t>(a) == b; });
}

bool is_jpeg_frame(std::uint8_t marker) {
  return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

// Entropy-coded data runs to the next marker that is neither a stuffed 0xFF nor a restart.
std::size_t skip_jpeg_scan(Bytes bytes, std::size_t at) {
  while (true) {
    const auto rest = bytes.subspan(std::min(at, bytes.size()));
    const auto next = std::find(rest.begin(), rest.end(), std::uint8_t{0xFF});
    if (rest.end() - next < 2) cut();
    at += static_cast<std::size_t>(next - rest.begin());
    const std::uint8_t marker = bytes[at + 1];
    if (marker == 0xFF) {
      at += 1;
    } else if (marker == 0 || (marker >= 0xD0 && marker <= 0xD7)) {
      at += 2;
    } else {
      return at;
    }
  }
}

PictureSize check_jpeg(Bytes bytes) {
  std::optional<PictureSize> size;
  bool scanned = false;
  std::size_t at = 2;
  while (true) {
    if (big_endian(bytes, at, 1) != 0xFF) damaged();
    const auto marker = static_cast<std::uint8_t>(big_endian(bytes, at + 1, 1));
    if (marker == 0xFF) {
      at += 1;
      continue;
    }
    if (marker == 0xD9) {
      if (!size || !scanned) damaged();
      return *size;
    }
    const auto length = big_endian(bytes, at + 2, 2);
    if (length < 2) damaged();
    if (is_jpeg_frame(marker)) {
      if (size) damaged();
      size = PictureSize{big_endian(bytes, at + 7, 2), big_endian(bytes, at + 5, 2)};
    }
    at += 2 + length;
    if (marker == 0xDA) {
      scanned = true;
      at = skip_jpeg_scan(bytes, at);
    }
  }
}

constexpr std::array<std::uint32_t, 256> crc_table() {
  std::array<std::uint32_t, 256> table = {};
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit)
      value = (value & 1U) != 0 ? 0xEDB88320U ^ (value >> 1U) : value >> 1U;
    table[i] = value;
  }
  return table;
}

std::uint32_t crc(Bytes bytes) {
  static constexpr auto table = crc_table();
  std::uint32_t value = ~0U;
  for (const auto byte : bytes) value = table[(value ^ byte) & 0xFFU] ^ (value >> 8U);
  return ~value;
}

constexpr std::string_view png_mark = "\x89PNG\r\n\x1A\n";

PictureSize check_png(Bytes bytes) {
  if (!has(bytes, 12, "IHDR")) damaged();
  const PictureSize size{big_endian(bytes, 16, 4), big_endian(bytes, 20, 4)};
  std::size_t at = 8;
  while (true) {
    const auto length = big_endian(bytes, at, 4);
    if (at + 12 + length > bytes.size()) cut();
    const auto body = bytes.subspan(at + 4, 4 + length);
    if (crc(body) != big_endian(bytes, at + 8 + length, 4)) damaged();
    if (has(body, 0, "IEND")) return size;
    at += 12 + length;
  }
}

PictureSize check_bmp(Bytes bytes) {
  const auto data = little_endian(bytes, 10, 4);
  const auto header = little_endian(bytes, 14, 4);
  if (header == 12) return {little_endian(bytes, 18, 2), little_endian(bytes, 20, 2)};
  const auto width = little_endian(bytes, 18, 4);
  auto height = little_endian(bytes, 22, 4);
  // Negative: rows run from the top.
  if (height > 0x7FFFFFFF) height = 0x100000000 - height;
  const auto bits = little_endian(bytes, 28, 2);
  const bool packed = little_endian(bytes, 30, 4) != 0;
  if (width > 0x7FFFFFFF || bits > 32) damaged();
  const auto row = (width * bits + 31) / 32 * 4;
  if (!packed && row > 0 && height > (bytes.size() - std::min(data, bytes.size())) / row) cut();
  return {width, height};
}

PictureSize check_webp(Bytes bytes) {
  if (little_endian(bytes, 4, 4) + 8 > bytes.size()) cut();
  if (has(bytes, 12, "VP8X"))
    return {little_endian(bytes, 24, 3) + 1, little_endian(bytes, 27, 3) + 1};
  if (has(bytes, 12, "VP8L")) {
    const auto packed = little_endian(bytes, 21, 4);
    return {(packed & 0x3FFFU) + 1, (packed >> 14U & 0x3FFFU) + 1};
  }
  if (!has(bytes, 12, "VP8 ")) damaged();
  return {little_endian(bytes, 26, 2) & 0x3FFFU, little_endian(bytes, 28, 2) & 0x3FFFU};
}

PictureSize check_by_format(Bytes bytes) {
  if (has(bytes, 0, "\xFF\xD8\xFF")) return check_jpeg(bytes);
  if (has(bytes, 0, png_mark)) return check_png(bytes);
  if (has(bytes, 0, "BM")) return check_bmp(bytes);
  if (has(bytes, 0, "RIFF") && has(bytes, 8, "WEBP")) return check_webp(bytes);
  if (bytes.empty()) throw Error("it is empty");
  throw Error("it is no PNG, JPEG, BMP or WebP file");
}

}  // namespace

PictureSize check_picture(Bytes bytes) {
  const auto size = check_by_format(bytes);
  if (size.width == 0 || size.height == 0) damaged();
  return size;
}

void drop_colour_profile(std::vector<std::uint8_t>& bytes) {
  if (!has(bytes, 0, png_mark)) return;
  std::size_t at = png_mark.size();
  while (!has(bytes, at + 4, "IEND")) {
    const auto whole = 12 + big_endian(bytes, at, 4);
    if (has(bytes, at + 4, "iCCP")) {
      const auto first = bytes.begin() + static_cast<std::ptrdiff_t>(at);
      bytes.erase(first, first + static_cast<std::ptrdiff_t>(whole));
      return;
    }
    at += whole;
  }
}

}  // namespace neurosplat
