#pragma once

#include <zlib.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "fuzz/case.h"

namespace neurosplat::fuzz {

/// A PNG whose chunks have the checksums that their bytes ask for; empty for what is no PNG.
inline std::vector<std::uint8_t> repaired_png(Bytes bytes) {
  constexpr std::string_view mark = "\x89PNG\r\n\x1A\n";
  if (!as_text(bytes).starts_with(mark)) return {};
  std::vector<std::uint8_t> file(bytes.begin(), bytes.end());
  for (std::size_t at = mark.size(); at + 12 <= file.size();) {
    std::uint64_t length = 0;
    for (std::size_t i = 0; i < 4; ++i) length = length << 8U | file[at + i];
    if (length > file.size() - at - 12) break;
    const auto sum = crc32(0, file.data() + at + 4, static_cast<uInt>(4 + length));
    for (std::size_t i = 0; i < 4; ++i) {
      file[at + 8 + length + i] = static_cast<std::uint8_t>(sum >> (24 - 8 * i));
    }
    at += 12 + length;
  }
  return file;
}

}  // namespace neurosplat::fuzz
