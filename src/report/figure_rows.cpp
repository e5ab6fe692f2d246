#include "neurosplat/report/figure_rows.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <sstream>

namespace neurosplat::report {
namespace {

using Json = nlohmann::ordered_json;

struct FloorName {
  const char *before, *after;  ///< around the figure's key
  const char* shown;
};

constexpr FloorName kFloors[] = {{"", "_real_floor", "held-out pictures"},
                                 {"", "_real", "real pictures"},
                                 {"", "_floor", "floor"},
                                 {"", "_pca", "PCA"},
                                 {"pca_", "", "PCA"},
                                 {"mean_image_", "", "mean picture"},
                                 {"shuffled_", "", "shuffled"}};

std::string floor_key(const FloorName& floor, const std::string& key) {
  return floor.before + key + floor.after;
}

std::set<std::string> keys_of_floors(const Json& results) {
  std::set<std::string> keys;
  for (const auto& [key, value] : results.items()) {
    for (const auto& floor : kFloors) {
      if (results.contains(floor_key(floor, key))) keys.insert(floor_key(floor, key));
    }
  }
  return keys;
}

Json member(const Json& object, const std::string& key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  return found == object.end() ? Json(nullptr) : *found;
}

bool says(const Json& value, const std::string& words) {
  if (value.is_string()) return value.get<std::string>() == words;
  double number = 0;
  const auto parsed = std::from_chars(words.data(), words.data() + words.size(), number);
  return value.is_number() && parsed.ec == std::errc{} &&
         parsed.ptr == words.data() + words.size() && value.get<double>() == number;
}

/// "a=b;c=d" of a row.
bool has_values(const Json& row, const std::string& conditions) {
  std::istringstream in(conditions);
  for (std::string one; std::getline(in, one, ';');) {
    const auto equals = one.find('=');
    if (equals == std::string::npos) return false;
    if (!says(member(row, one.substr(0, equals)), one.substr(equals + 1))) return false;
  }
  return true;
}

/// Settings by how many values they have, and by how many runs have them not.
template <class Wanted>
std::vector<Setting> settings_where(const std::vector<RunResult>& runs, Wanted wanted) {
  std::vector<Setting> settings;
  std::set<std::string> seen = {"out"};
  for (const auto& run : runs) {
    for (const auto& [key, ignored] : run.settings.items()) {
      if (!seen.insert(key).second) continue;
      Setting setting{key, {}};
      std::vector<Json> values;
      for (const auto& one : runs) {
        setting.second.push_back(member(one.settings, key));
        const auto& value = setting.second.back();
        const bool known = std::find(values.begin(), values.end(), value) != values.end();
        if (one.settings.contains(key) && !known) values.push_back(value);
      }
      const auto absent = std::count_if(runs.begin(), runs.end(), [&, name = key](const auto& one) {
        return !one.settings.contains(name);
      });
      if (wanted(values.size(), static_cast<std::size_t>(absent))) {
        settings.push_back(std::move(setting));
      }
    }
  }
  return settings;
}

}  // namespace

std::vector<FigureRow> figure_rows(const Json& metrics) {
  const auto results = member(metrics, "results"), reference = member(metrics, "reference");
  const auto floors = keys_of_floors(results);
  std::vector<FigureRow> rows;
  if (!results.is_object()) return rows;
  for (const auto& [key, value] : results.items()) {
    const bool published = reference.is_object() && reference.contains(key);
    if (key == "rows" || (floors.contains(key) && !published)) continue;
    FigureRow row{.key = key, .ours = value, .published = member(reference, key)};
    const auto reason = member(reference, key + "_reason");
    if (reason.is_string()) row.reason = reason.get<std::string>();
    for (const auto& floor : kFloors) {
      const auto found = member(results, floor_key(floor, key));
      if (!found.is_null()) row.floors.emplace_back(floor.shown, found);
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

Json value_at(const Json& part, const std::string& key) {
  if (!key.starts_with("rows[")) return member(part, key);
  const auto end = key.find("].");
  const auto rows = member(part, "rows");
  if (end == std::string::npos || !rows.is_array()) return nullptr;
  for (const auto& row : rows) {
    if (has_values(row, key.substr(5, end - 5))) return member(row, key.substr(end + 2));
  }
  return nullptr;
}

std::vector<Setting> differing_settings(const std::vector<RunResult>& runs) {
  return settings_where(runs, [](std::size_t values, std::size_t) { return values > 1; });
}

std::vector<Setting> settings_of_some(const std::vector<RunResult>& runs) {
  return settings_where(
      runs, [](std::size_t values, std::size_t absent) { return values == 1 && absent > 0; });
}

}  // namespace neurosplat::report
