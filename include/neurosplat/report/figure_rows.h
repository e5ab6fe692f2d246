#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "neurosplat/report/found_results.h"

namespace neurosplat::report {

/// One figure of an evaluation beside what it must be seen beside.
struct FigureRow {
  std::string key;
  nlohmann::ordered_json ours;                 ///< a number, a word or a list
  nlohmann::ordered_json published = nullptr;  ///< null where metrics.json has none
  std::string reason = {};                     ///< why ours is another, where it is
  /// What the same measure gives for what must be beaten or cannot be: "PCA", 18.05.
  std::vector<std::pair<std::string, nlohmann::ordered_json>> floors = {};
};

/// The figures of `results` and the published ones of `reference`, without tables. A floor stands
/// with its figure rather than on a line of its own: KEY_real_floor, KEY_real, KEY_floor, KEY_pca,
/// mean_image_KEY, pca_KEY, shuffled_KEY.
std::vector<FigureRow> figure_rows(const nlohmann::ordered_json& metrics);

/// Where `key` points to: a key of `results`, or `rows[NAME=VALUE;...].KEY`, which is KEY of the
/// first row that has these values. Null where there is nothing.
nlohmann::ordered_json value_at(const nlohmann::ordered_json& part, const std::string& key);

/// A setting's values in all runs, null where one has it not.
using Setting = std::pair<std::string, std::vector<nlohmann::ordered_json>>;

/// The settings in which runs that have them differ. The run's own folder (`out`) is left out.
std::vector<Setting> differing_settings(const std::vector<RunResult>& runs);
/// Those that only some runs have, with the same value: of another kind of run, say.
std::vector<Setting> settings_of_some(const std::vector<RunResult>& runs);

}  // namespace neurosplat::report
