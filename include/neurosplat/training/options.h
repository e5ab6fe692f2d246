#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "neurosplat/core/error.h"
#include "neurosplat/core/printable.h"
#include "neurosplat/core/text.h"
#include "neurosplat/training/option_range.h"

/// Options of a run, described once. A configuration has a function
///   template <class Visitor> void visit_options(Config&, Visitor&& visit)
/// that hands every option to `visit`, in groups:
///   const OptionGroup training("Training", visit);
///   training("batch", config.batch, "pictures a step", AtLeast{2});
/// with the name in snake_case, the field, what it means with its unit, and its range. The command
/// line, the JSON file, the resolved configuration, the help and the checks all come from it. What
/// several systems need is a block, a base of their configurations (option_blocks.h).
namespace neurosplat {

template <class Field>
struct Option {
  const char* group;
  const char* name;
  Field& field;
  const char* help;
  OptionRange range;
};

template <class Visitor>
class OptionGroup {
 public:
  OptionGroup(const char* name, Visitor& visit) : name_(name), visit_(visit) {}

  template <class Field>
  void operator()(const char* option, Field& field, const char* help,
                  OptionRange range = AnyValue{}) const {
    visit_(Option<Field>{name_, option, field, help, std::move(range)});
  }

 private:
  const char* name_;
  Visitor& visit_;
};

namespace options_detail {

template <class Field>
std::string expected_kind() {
  if constexpr (std::is_same_v<Field, bool>) return "true or false";
  if constexpr (std::is_integral_v<Field>) {
    return text("an integer from ", std::numeric_limits<Field>::min(), " to ",
                std::numeric_limits<Field>::max());
  }
  if constexpr (std::is_floating_point_v<Field>) return "a number";
  if constexpr (std::is_same_v<Field, std::vector<std::string>>) return "a list of strings";
  return "a string";
}

template <class Field>
bool fits(const nlohmann::json& value) {
  if constexpr (std::is_same_v<Field, bool>) return value.is_boolean();
  if constexpr (std::is_integral_v<Field> && !std::is_same_v<Field, bool>) {
    if (value.is_number_unsigned()) return std::in_range<Field>(value.get<std::uint64_t>());
    return value.is_number_integer() && std::in_range<Field>(value.get<std::int64_t>());
  }
  if constexpr (std::is_floating_point_v<Field>) return value.is_number();
  if constexpr (std::is_same_v<Field, std::vector<std::string>>) {
    return value.is_array() && std::all_of(value.begin(), value.end(),
                                           [](const auto& item) { return item.is_string(); });
  }
  return value.is_string();
}

/// A value for one line of a message.
std::string shown(const nlohmann::json& value);

}  // namespace options_detail

/// Sets the fields that `json` names and leaves the others. Keys may use hyphens. Throws
/// UsageError for a key that no option has, naming `origin`, and for a value of another kind.
template <class Config>
void read_options(Config& config, const nlohmann::json& json, const std::string& origin) {
  if (!json.is_object()) throw UsageError(text(origin, ": expected a JSON object of options"));
  for (const auto& item : json.items()) {
    const auto& key = item.key();
    const auto& value = item.value();
    std::string wanted = key;
    std::replace(wanted.begin(), wanted.end(), '-', '_');
    bool known = false;
    visit_options(config, [&](const auto& option) {
      if (wanted != option.name) return;
      known = true;
      auto& field = option.field;
      using Field = std::remove_reference_t<decltype(field)>;
      if (!options_detail::fits<Field>(value)) {
        throw UsageError(text(origin, ": option '", printable(key), "' expects ",
                              options_detail::expected_kind<Field>(), ", got ",
                              options_detail::shown(value)));
      }
      if constexpr (std::is_same_v<Field, std::filesystem::path>) {
        field = value.template get<std::string>();
      } else {
        field = value.template get<Field>();
      }
    });
    if (!known) {
      throw UsageError(text(origin, ": unknown option '", printable(key), "'; see --help"));
    }
  }
}

/// Sets what a run's config.json says. A configuration whose older runs need more has its own.
template <class Config>
void read_saved_options(Config& config, const nlohmann::json& saved, const std::string& origin) {
  read_options(config, saved, origin);
}

/// All options and their values, in the order of visit_options.
template <class Config>
nlohmann::ordered_json write_options(Config config) {
  nlohmann::ordered_json json;
  visit_options(config, [&](const auto& option) {
    using Field = std::remove_reference_t<decltype(option.field)>;
    if constexpr (std::is_same_v<Field, std::filesystem::path>) {
      json[option.name] = option.field.string();
    } else {
      json[option.name] = option.field;
    }
  });
  return json;
}

/// Throws UsageError, one line, for a value outside of its option's range.
template <class Config>
void check_ranges(Config config) {
  visit_options(config, [](const auto& option) {
    using Field = std::remove_reference_t<decltype(option.field)>;
    if constexpr (!std::is_same_v<Field, std::filesystem::path>) {
      check_option(option.name, option.range, option.field);
    }
  });
}

/// Where `after` differs from `before`: "lr 0.0001 -> 0.0005, epochs 20 -> 40"; empty for nowhere.
template <class Config>
std::string changed_options(const Config& before, const Config& after) {
  const auto old = write_options(before), now = write_options(after);
  std::string changes;
  for (const auto& [name, value] : now.items()) {
    if (old[name] == value) continue;
    changes += text(changes.empty() ? "" : ", ", name, " ", old[name].dump(), " -> ", value.dump());
  }
  return changes;
}

/// Reads and parses a JSON file of at most 16 MiB and 64 levels; throws Error that names it when it
/// is missing or not such JSON.
nlohmann::json read_json_file(const std::filesystem::path& path);

}  // namespace neurosplat
