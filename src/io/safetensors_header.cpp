#include "io/safetensors_header.h"

#include <algorithm>
#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "neurosplat/core/error.h"
#include "neurosplat/core/printable.h"
#include "neurosplat/core/text.h"

namespace neurosplat {
namespace {

using nlohmann::json;

constexpr std::array<std::pair<std::string_view, c10::ScalarType>, 10> dtypes = {{
    {"F64", c10::ScalarType::Double},
    {"F32", c10::ScalarType::Float},
    {"F16", c10::ScalarType::Half},
    {"BF16", c10::ScalarType::BFloat16},
    {"I64", c10::ScalarType::Long},
    {"I32", c10::ScalarType::Int},
    {"I16", c10::ScalarType::Short},
    {"I8", c10::ScalarType::Char},
    {"U8", c10::ScalarType::Byte},
    {"BOOL", c10::ScalarType::Bool},
}};

constexpr std::string_view metadata_key = "__metadata__";
constexpr std::size_t most_dimensions = 64;
constexpr int deepest = 4;

// Keeps nested brackets from becoming a deep tree, and a second key of the same name from
// silently replacing the first.
json parse_strictly(std::string_view text_of_header) {
  std::array<std::set<std::string>, deepest> keys;
  const auto check = [&](int depth, json::parse_event_t event, json& value) {
    using Event = json::parse_event_t;
    const bool opens = event == Event::object_start || event == Event::array_start;
    if (opens && depth >= deepest - 1) throw Error("its header is nested too deeply");
    if (opens) keys.at(static_cast<std::size_t>(depth) + 1).clear();
    if (event == Event::key) {
      const auto& key = value.get_ref<const std::string&>();
      if (!keys.at(static_cast<std::size_t>(depth)).insert(key).second)
        throw Error(text("its header names ", printable(key), " twice"));
    }
    return true;
  };
  try {
    auto header = json::parse(text_of_header.begin(), text_of_header.end(), check);
    if (!header.is_object()) throw Error("its header is no JSON object");
    return header;
  } catch (const json::exception&) {
    throw Error("its header is no valid JSON");
  }
}

std::map<std::string, std::string> parse_metadata(const json& entries) {
  if (!entries.is_object()) throw Error("its metadata is no JSON object");
  std::map<std::string, std::string> metadata;
  for (const auto& [key, value] : entries.items()) {
    if (!value.is_string())
      throw Error(text("its metadata ", printable(key), " is no text but ", value.type_name()));
    metadata.emplace(key, value.get<std::string>());
  }
  return metadata;
}

std::uint64_t parse_count(const json& value, std::string_view name, std::string_view what) {
  if (!value.is_number_unsigned() ||
      value.get<std::uint64_t>() > std::numeric_limits<std::int64_t>::max())
    throw Error(text("tensor ", name, ": its ", what, " holds ", printable(value.dump()),
                     " instead of a size"));
  return value.get<std::uint64_t>();
}

const json& member(const json& entry, const char* key, std::string_view name) {
  const auto found = entry.find(key);
  if (found == entry.end()) throw Error(text("tensor ", name, " has no ", key));
  return *found;
}

c10::ScalarType parse_dtype(const json& value, std::string_view name) {
  for (const auto& [code, dtype] : dtypes)
    if (value.is_string() && value.get_ref<const std::string&>() == code) return dtype;
  throw Error(text("tensor ", name, " has the unknown dtype ", printable(value.dump())));
}

std::vector<std::int64_t> parse_shape(const json& value, std::string_view name) {
  if (!value.is_array() || value.size() > most_dimensions)
    throw Error(
        text("tensor ", name, " has no list of at most ", most_dimensions, " sizes for its shape"));
  std::vector<std::int64_t> shape;
  for (const auto& size : value)
    shape.push_back(static_cast<std::int64_t>(parse_count(size, name, "shape")));
  return shape;
}

// Bytes of such a tensor. Zeros do not excuse the other sizes: strides are computed from them.
std::uint64_t byte_count(const TensorPlace& place, std::string_view name) {
  std::int64_t bytes = static_cast<std::int64_t>(c10::elementSize(place.dtype));
  bool empty = false;
  for (const auto size : place.shape) {
    empty = empty || size == 0;
    if (size > 0 && __builtin_mul_overflow(bytes, size, &bytes))
      throw Error(text("tensor ", name, " has a shape that no memory holds"));
  }
  return empty ? 0 : static_cast<std::uint64_t>(bytes);
}

TensorPlace parse_tensor(const std::string& name, const json& entry) {
  const auto shown = printable(name);
  if (!entry.is_object()) throw Error(text("tensor ", shown, " is described by no JSON object"));
  const auto& offsets = member(entry, "data_offsets", shown);
  if (!offsets.is_array() || offsets.size() != 2)
    throw Error(text("tensor ", shown, " has no pair of data_offsets"));
  TensorPlace place{name, parse_dtype(member(entry, "dtype", shown), shown),
                    parse_shape(member(entry, "shape", shown), shown),
                    parse_count(offsets[0], shown, "data_offsets"),
                    parse_count(offsets[1], shown, "data_offsets")};
  const auto bytes = byte_count(place, shown);
  if (place.end < place.begin || place.end - place.begin != bytes)
    throw Error(text("tensor ", shown, " needs ", bytes, " bytes, its data_offsets are ",
                     place.begin, " to ", place.end));
  return place;
}

void check_cover(const std::vector<TensorPlace>& tensors, std::uint64_t data_size) {
  std::uint64_t covered = 0;
  for (const auto& place : tensors) {
    if (place.end > data_size)
      throw Error(text("tensor ", printable(place.name), " ends at byte ", place.end, " of only ",
                       data_size));
    if (place.begin != covered)
      throw Error(text("tensor ", printable(place.name), " starts at byte ", place.begin, ", ",
                       place.begin < covered ? "inside another" : "after a gap", " that ends at ",
                       covered));
    covered = place.end;
  }
  if (covered != data_size)
    throw Error(text("its tensors take ", covered, " bytes, it holds ", data_size));
}

}  // namespace

SafetensorsHeader parse_safetensors_header(std::string_view text_of_header,
                                           std::uint64_t data_size) {
  const auto entries = parse_strictly(text_of_header);
  SafetensorsHeader header;
  for (const auto& [name, entry] : entries.items()) {
    if (name == metadata_key)
      header.metadata = parse_metadata(entry);
    else
      header.tensors.push_back(parse_tensor(name, entry));
  }
  std::sort(header.tensors.begin(), header.tensors.end(), [](const auto& a, const auto& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  check_cover(header.tensors, data_size);
  return header;
}

std::string format_safetensors_header(const SafetensorsHeader& header) {
  auto entries = nlohmann::ordered_json::object();
  if (!header.metadata.empty()) entries[std::string(metadata_key)] = header.metadata;
  for (const auto& place : header.tensors) {
    if (place.name == metadata_key) throw Error(text("no tensor may be called ", metadata_key));
    const auto* const known = std::find_if(dtypes.begin(), dtypes.end(), [&](const auto& dtype) {
      return dtype.second == place.dtype;
    });
    if (known == dtypes.end())
      throw Error(text("tensor ", printable(place.name), " has the dtype ",
                       c10::toString(place.dtype), ", which the format does not hold"));
    entries[place.name] = {{"dtype", known->first},
                           {"shape", place.shape},
                           {"data_offsets", {place.begin, place.end}}};
  }
  try {
    auto formatted = entries.dump();
    formatted.resize((formatted.size() + 7) / 8 * 8, ' ');
    if (formatted.size() > longest_safetensors_header) throw Error("its header would be too long");
    return formatted;
  } catch (const json::exception&) {
    throw Error("a name or a piece of metadata is no UTF-8 text");
  }
}

}  // namespace neurosplat
