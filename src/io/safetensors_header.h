#pragma once

#include <c10/core/ScalarType.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace neurosplat {

/// Where one tensor lies in the data of a safetensors file; checked, so that it may be
/// allocated and read.
struct TensorPlace {
  std::string name;
  c10::ScalarType dtype;
  std::vector<std::int64_t> shape;
  std::uint64_t begin;  ///< bytes
  std::uint64_t end;    ///< bytes
};

struct SafetensorsHeader {
  std::vector<TensorPlace> tensors;  ///< in the order of their data
  std::map<std::string, std::string> metadata;
};

/// Longest header that the format allows, in bytes.
constexpr std::uint64_t longest_safetensors_header = 100'000'000;

/// Parses a header and checks it against `data_size`, the bytes that follow it: the tensors cover
/// them exactly. Throws Error that says what is wrong, without a path.
SafetensorsHeader parse_safetensors_header(std::string_view json, std::uint64_t data_size);

/// The header's JSON, padded with spaces to a multiple of 8 bytes. `tensors` as they will lie.
std::string format_safetensors_header(const SafetensorsHeader& header);

}  // namespace neurosplat
