#pragma once

#include <cstddef>
#include <string_view>

/// The library that reads MATLAB 5 files believes every count in their headers and asks for that
/// much memory before its caller sees any of them. So the bytes are looked through first.
namespace neurosplat {

/// Whether these are the bytes of a MATLAB 5 file (little endian) of nothing but real numeric
/// matrices with at most `most_values` values.
bool holds_only_small_matrices(std::string_view bytes, std::size_t most_values);

/// Whether these are the bytes of a MATLAB 5 file (little endian) of nothing but real numbers,
/// text, cell arrays and structs whose counts are all borne out by the bytes that follow, nested at
/// most `deepest` times, each variable of at most `most_bytes` when unpacked.
bool holds_only_whole_values(std::string_view bytes, std::size_t most_bytes, int deepest = 16);

}  // namespace neurosplat
