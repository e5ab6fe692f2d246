#pragma once

#include <cstddef>
#include <string_view>

namespace neurosplat {

/// Whether these are the bytes of a MATLAB 5 file (little endian) of nothing but real numeric
/// matrices with at most `most_values` values. The library that reads such files believes every
/// count in their headers and asks for that much memory before its caller sees any of them.
bool holds_only_small_matrices(std::string_view bytes, std::size_t most_values);

}  // namespace neurosplat
