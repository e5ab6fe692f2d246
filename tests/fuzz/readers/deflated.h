#pragma once

#include <zlib.h>

#include <stdexcept>
#include <vector>

#include "fuzz/case.h"

namespace neurosplat::fuzz {

inline constexpr int kZlib = 15, kGzip = 15 + 16;

/// Packed with its checksum, which no fuzzer guesses.
inline std::vector<std::uint8_t> deflated(Bytes bytes, int format) {
  z_stream stream{};
  if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, format, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    throw std::runtime_error("zlib has no memory");
  }
  std::vector<std::uint8_t> packed(deflateBound(&stream, static_cast<uLong>(bytes.size())));
  stream.next_in = const_cast<Bytef*>(bytes.data());
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = packed.data();
  stream.avail_out = static_cast<uInt>(packed.size());
  const int status = deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  if (status != Z_STREAM_END) throw std::runtime_error("zlib cannot pack");
  return packed;
}

}  // namespace neurosplat::fuzz
