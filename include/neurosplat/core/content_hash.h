#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>

#include "neurosplat/core/random_stream.h"

namespace neurosplat {

/// A hash of bytes, by every one of them and their count.
inline std::uint64_t hash_of_bytes(const void* bytes, std::size_t count) {
  auto hash = static_cast<std::uint64_t>(count);
  for (std::size_t first = 0; first < count; first += sizeof hash) {
    std::uint64_t word = 0;
    std::memcpy(&word, static_cast<const char*>(bytes) + first,
                count - first < sizeof word ? count - first : sizeof word);
    hash = hash_of({hash, word});
  }
  return hash;
}

/// 16 hexadecimal digits.
inline std::string hash_digits(std::uint64_t hash) {
  char digits[17];
  std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(hash));
  return digits;
}

}  // namespace neurosplat
