#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

namespace neurosplat {

/// What every evaluation writes as metrics.json. `results` is flat: snake_case keys that end in
/// their unit, each a value or a list; a table stands under `rows`, a list of objects that are flat
/// in the same way. `reference` holds published figures under the same keys, or is null.
struct MetricsFile {
  std::string experiment;
  nlohmann::ordered_json settings = nlohmann::ordered_json::object();
  nlohmann::ordered_json results = nlohmann::ordered_json::object();
  nlohmann::ordered_json reference = nullptr;
};

/// Writes the file, whole or not at all, and adds `environment` (see environment()). `reference`
/// is left out when null. NaN and infinities become null.
void write_metrics(const std::filesystem::path& path, const MetricsFile& metrics);

/// Library version, git commit where known, compiler, torch version, CPU model, threads, device
/// and UTC date, under flat keys.
nlohmann::ordered_json environment();

}  // namespace neurosplat
