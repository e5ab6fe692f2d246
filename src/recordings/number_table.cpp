#include "recordings/number_table.h"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"

namespace neurosplat {
namespace {

constexpr std::uint64_t kMostBytes = 1U << 30U;

std::vector<std::string_view> fields_of(std::string_view line) {
  std::vector<std::string_view> fields;
  while (true) {
    const auto comma = line.find(',');
    auto field = line.substr(0, comma);
    while (field.starts_with(' ')) field.remove_prefix(1);
    while (field.ends_with(' ')) field.remove_suffix(1);
    fields.push_back(field);
    if (comma == std::string_view::npos) return fields;
    line.remove_prefix(comma + 1);
  }
}

std::optional<double> number_in(std::string_view field) {
  double value = 0;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
  if (error != std::errc() || end != field.data() + field.size() || !std::isfinite(value)) {
    return std::nullopt;
  }
  return value;
}

bool is_heading(const std::vector<std::string_view>& fields) {
  bool counts_up = fields.size() > 2;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const auto value = number_in(fields[i]);
    if (!value) return true;
    counts_up = counts_up && *value == static_cast<double>(i);
  }
  return counts_up;
}

}  // namespace

NumberTable read_number_table(const std::filesystem::path& file) {
  std::error_code failed;
  const auto bytes = std::filesystem::file_size(file, failed);
  std::ifstream in(file);
  if (failed || !in) throw Error(text(file.string(), ": expected a table of numbers, found none"));
  if (bytes > kMostBytes) {
    throw Error(text(file.string(), ": expected at most 1 GiB of text: save it as .npy"));
  }
  NumberTable table;
  std::size_t skipped = 0, number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (line.ends_with('\r')) line.pop_back();
    if (line.empty()) continue;
    const auto fields = fields_of(line);
    if (table.columns == 0) {
      table.columns = fields.size();
      if (is_heading(fields)) {
        skipped = fields.size() > 1 && fields.front().empty() ? 1 : 0;
        continue;
      }
    }
    if (fields.size() != table.columns) {
      throw Error(text(file.string(), ": line ", number, ": expected ", table.columns,
                       " numbers, got ", fields.size()));
    }
    for (std::size_t i = skipped; i < fields.size(); ++i) {
      const auto value = number_in(fields[i]);
      if (!value) {
        throw Error(text(file.string(), ": line ", number, ": expected a number in column ", i + 1,
                         ", got another text"));
      }
      table.values.push_back(*value);
    }
    ++table.rows;
  }
  table.columns -= skipped;
  if (table.rows == 0) throw Error(text(file.string(), ": expected lines of numbers, found none"));
  return table;
}

}  // namespace neurosplat
