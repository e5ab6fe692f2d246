#include "io/crc32c.h"

#include <array>

namespace neurosplat {
namespace {

constexpr std::array<std::uint32_t, 256> table() {
  std::array<std::uint32_t, 256> entries{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78U : 0U);
    entries[byte] = crc;
  }
  return entries;
}

constexpr auto kTable = table();

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
  std::uint32_t crc = 0xffffffffU;
  for (const char byte : bytes) {
    crc = (crc >> 8) ^ kTable[(crc ^ static_cast<std::uint8_t>(byte)) & 0xffU];
  }
  return ~crc;
}

}  // namespace neurosplat
