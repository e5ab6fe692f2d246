#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

/// Words of the MATLAB 5 format: types of elements, classes and flags of matrices.
namespace neurosplat::mat {

constexpr std::uint32_t int8 = 1, uint8 = 2, int32 = 5, uint32 = 6, uint64 = 13, matrix = 14,
                        compressed = 15, utf8 = 16, utf32 = 18;
constexpr std::uint32_t cell_class = 1, struct_class = 2, char_class = 4, double_class = 6,
                        uint64_class = 15, complex_flag = 0x0800;
constexpr std::size_t file_header = 128, tag = 8;

/// The caller sees to it that the word is there.
inline std::uint32_t word(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

/// Types 8, 10 and 11 are reserved.
inline bool is_number_type(std::uint32_t type) {
  return type >= int8 && type <= uint64 && type != 8 && type != 10 && type != 11;
}

inline bool is_file(std::string_view bytes) {
  return bytes.size() >= file_header && bytes.starts_with("MATLAB 5.0 MAT-file") &&
         bytes.substr(file_header - 4, 4) == std::string_view("\0\1IM", 4);
}

/// What was compressed, where it is whole, sound by its checksum and no longer than `most_bytes`.
std::optional<std::string> inflated(std::string_view bytes, std::size_t most_bytes);

}  // namespace neurosplat::mat
