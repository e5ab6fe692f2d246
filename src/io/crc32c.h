#pragma once

#include <cstdint>
#include <string_view>

namespace neurosplat {

/// CRC-32C (Castagnoli) as of RFC 3720, appendix B.4.
std::uint32_t crc32c(std::string_view bytes);

/// As TFRecord keeps it, since the CRC of bytes that hold a CRC says little: turned by 15 bits,
/// plus a constant.
inline std::uint32_t masked(std::uint32_t crc) {
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8U;
}

}  // namespace neurosplat
