#include "io/mat_guard.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

#include "io/mat_format.h"

namespace neurosplat {
namespace {

using namespace mat;
constexpr std::size_t longest_name = 63;
// Of a matrix: its tag, flags (with tag), dimensions (with tag), name (with tag), tag of its data.
constexpr std::size_t name_at = 5 * tag, longest_header = name_at + tag + longest_name + 1 + tag;

// Whether the data's element, whose tag is at `at`, holds no more than `values` of a number type.
bool has_small_data(std::string_view header, std::size_t at, std::size_t values) {
  if (header.size() < at + tag) return false;
  const auto first = word(header, at);
  const auto small_bytes = first >> 16U;  // up to four bytes of data stand in the tag itself
  const auto type = small_bytes != 0 ? first & 0xffffU : first;
  const std::size_t data_bytes = small_bytes != 0 ? small_bytes : word(header, at + 4);
  return is_number_type(type) && data_bytes <= 8 * values;
}

bool is_small_matrix(std::string_view header, std::size_t most_values) {
  if (header.size() < name_at + tag || word(header, 0) != matrix) return false;
  const auto flags = word(header, 2 * tag);
  const auto kind = flags & 0xffU;
  if (word(header, tag) != uint32 || word(header, tag + 4) != 8 || kind < double_class ||
      kind > uint64_class || (flags & complex_flag) != 0)
    return false;
  const std::uint64_t rows = word(header, 4 * tag), columns = word(header, 4 * tag + 4);
  if (word(header, 3 * tag) != int32 || word(header, 3 * tag + 4) != 8 || rows * columns == 0 ||
      rows > most_values || columns > most_values || rows * columns > most_values)
    return false;
  const auto first = word(header, name_at);
  if (first >> 16U != 0)  // a short name stands in the tag itself
    return (first & 0xffffU) == int8 && first >> 16U <= 4 &&
           has_small_data(header, name_at + tag, rows * columns);
  const std::size_t length = word(header, name_at + 4), padded = (length + 7) / 8 * 8;
  return first == int8 && length >= 1 && length <= longest_name &&
         has_small_data(header, name_at + tag + padded, rows * columns);
}

}  // namespace

bool holds_only_small_matrices(std::string_view bytes, std::size_t most_values) {
  if (!is_file(bytes)) return false;
  const auto most_bytes = longest_header + 8 * (most_values + 1);
  for (std::size_t at = file_header; at < bytes.size();) {
    if (bytes.size() - at < tag) return false;
    const auto type = word(bytes, at);
    const std::size_t length = word(bytes, at + 4);
    if (length > bytes.size() - at - tag) return false;
    std::optional<std::string> element;
    if (type == matrix) element = bytes.substr(at, std::min(tag + length, most_bytes));
    if (type == compressed) element = inflated(bytes.substr(at + tag, length), most_bytes);
    if (!element || !is_small_matrix(*element, most_values)) return false;
    at += tag + length;
  }
  return true;
}

}  // namespace neurosplat
