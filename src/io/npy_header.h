#pragma once

#include <c10/core/ScalarType.h>

#include <cstdint>
#include <string_view>
#include <vector>

namespace neurosplat {

struct NpyHeader {
  c10::ScalarType dtype;
  std::vector<std::int64_t> shape;
};

/// The header of a .npy file, e.g. "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }",
/// that `payload` bytes of numbers follow. Throws Error, half a line, for anything but a plain
/// array whose numbers fill the payload exactly.
NpyHeader parse_npy_header(std::string_view header, std::uint64_t payload);

}  // namespace neurosplat
