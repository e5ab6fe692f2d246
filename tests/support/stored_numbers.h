#pragma once

#include <zlib.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <vector>

/// Files of numbers as others write them. Who includes this links zlib.
namespace neurosplat::testing {

inline void write_bytes(const std::filesystem::path& path, const std::string& bytes) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

/// An IDX file, its parts free to be wrong.
struct Idx {
  std::vector<std::uint32_t> sizes = {2, 3};
  std::string body = "abcdef";
  char type = 0x08;
  int dimensions = -1;  ///< claimed, when not the true number
  std::string start = std::string(2, '\0');

  std::string bytes() const {
    std::string all = start + type;
    all += static_cast<char>(dimensions < 0 ? static_cast<int>(sizes.size()) : dimensions);
    for (const auto size : sizes)
      for (int shift = 24; shift >= 0; shift -= 8) all += static_cast<char>(size >> shift & 255U);
    return all + body;
  }
};

/// Compressed by gzip, as one member.
inline std::string gzipped(const std::string& bytes) {
  z_stream stream{};
  if (deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::runtime_error("zlib");
  std::string packed(deflateBound(&stream, static_cast<uLong>(bytes.size())), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  const int status = deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  if (status != Z_STREAM_END) throw std::runtime_error("zlib");
  return packed;
}

/// A .npy file of float32.
inline std::string npy_bytes(const std::vector<float>& numbers, const std::string& shape,
                             const std::string& type = "<f4") {
  std::string header =
      "{'descr': '" + type + "', 'fortran_order': False, 'shape': (" + shape + "), }";
  header += std::string((64 - (header.size() + 11) % 64) % 64, ' ') + '\n';
  std::string all("\x93NUMPY\x01\0", 8);
  all += static_cast<char>(header.size() & 255U);
  all += static_cast<char>(header.size() >> 8U);
  return all + header +
         std::string(reinterpret_cast<const char*>(numbers.data()), 4 * numbers.size());
}

}  // namespace neurosplat::testing
