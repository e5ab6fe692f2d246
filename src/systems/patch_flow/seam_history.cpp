#include "systems/patch_flow/seam_history.h"

#include <fstream>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/evaluation/metrics_key.h"

namespace neurosplat::apps {
namespace {

constexpr const char* kKey = "sample_seam_ratio";

}  // namespace

SeamHistory read_seam_history(const std::filesystem::path& run) {
  const auto file = run / "metrics.jsonl";
  std::ifstream in(file);
  if (!in) {
    throw Error(text(file.string(), ": expected the record of a run, found none: name its folder"));
  }
  SeamHistory history{
      run.filename().empty() ? run.parent_path().filename().string() : run.filename().string(),
      {},
      {}};
  for (std::string line; std::getline(in, line);) {
    const auto row = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!row.is_object()) {
      throw Error(text(file.string(), ": expected a JSON object a line, got '", line, "'"));
    }
    if (!row.contains(kKey) || !row[kKey].is_number() || !row.contains("step") ||
        !row["step"].is_number())
      continue;
    history.steps.push_back(row["step"].get<double>());
    history.ratios.push_back(row[kKey].get<double>());
  }
  if (history.steps.empty()) {
    throw Error(text(file.string(), ": expected rows with ", kKey,
                     ", found none: train with --held-out-every above 0"));
  }
  return history;
}

Chart chart_of(const std::vector<SeamHistory>& runs) {
  Chart chart{.title = "seams of samples over training",
              .x_name = "steps",
              .y_name = "seam ratio, 1 is none"};
  for (const auto& run : runs) {
    ChartLine line{.name = run.name, .colour = line_colour(chart.lines.size()), .points = {}};
    for (std::size_t i = 0; i < run.steps.size(); ++i) {
      line.points.push_back({run.steps[i], run.ratios[i], run.steps[i]});
    }
    chart.lines.push_back(std::move(line));
  }
  return chart;
}

void add_to(nlohmann::ordered_json& results, const SeamHistory& run) {
  const auto key = "run_" + metrics_key(run.name);
  if (results.contains(key + "_steps")) {
    throw UsageError(text("run: expected folders of different names, got two of ", run.name));
  }
  results[key + "_steps"] = run.steps;
  results[key + "_seam_ratios"] = run.ratios;
}

}  // namespace neurosplat::apps
