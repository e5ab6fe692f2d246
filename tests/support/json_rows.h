#pragma once

#include <cmath>
#include <cstdint>
#include <fstream>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "neurosplat/core/error.h"

namespace neurosplat::testing {

/// One row of a report: names and values in their order. A NaN or infinity is written as null.
using JsonRow =
    std::vector<std::pair<std::string, std::variant<std::int64_t, double, std::string>>>;

inline std::string json_text(const std::string& value) {
  std::string out = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return out + '"';
}

/// Writes rows as a JSON array, without a library: some of our programs are built where none is.
/// Throws Error when the file cannot be written.
inline void write_json_rows(const std::string& path, const std::vector<JsonRow>& rows) {
  std::ofstream out(path);
  out.precision(9);
  out << '[';
  for (std::size_t r = 0; r < rows.size(); ++r) {
    out << (r == 0 ? "\n  {" : ",\n  {");
    for (std::size_t i = 0; i < rows[r].size(); ++i) {
      const auto& [name, value] = rows[r][i];
      out << (i == 0 ? "" : ", ") << json_text(name) << ": ";
      if (const auto* words = std::get_if<std::string>(&value)) {
        out << json_text(*words);
      } else if (const auto* whole = std::get_if<std::int64_t>(&value)) {
        out << *whole;
      } else if (const double number = std::get<double>(value); std::isfinite(number)) {
        out << number;
      } else {
        out << "null";
      }
    }
    out << '}';
  }
  out << "\n]\n";
  if (!out.flush()) throw Error("cannot write " + path + ": see that its folder is there");
}

}  // namespace neurosplat::testing
