#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "neurosplat/figure/chart.h"

namespace neurosplat::apps {

/// How the seams of samples changed along a run.
struct SeamHistory {
  std::string name;  ///< of the run's folder
  std::vector<double> steps, ratios;
};

/// From a run's metrics.jsonl. Throws Error where it is missing, is none or has no seams.
SeamHistory read_seam_history(const std::filesystem::path& run);

/// Seam ratio over steps, a line a run.
Chart chart_of(const std::vector<SeamHistory>& runs);

/// Adds run_NAME_steps and run_NAME_seam_ratios. Throws UsageError where they are there.
void add_to(nlohmann::ordered_json& results, const SeamHistory& run);

}  // namespace neurosplat::apps
