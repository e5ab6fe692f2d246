#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/figure/bars.h"
#include "neurosplat/figure/chart.h"
#include "neurosplat/program/experiment.h"
#include "neurosplat/recordings/nwb.h"
#include "neurosplat/systems/spike_decoder/commands.h"

namespace neurosplat::apps {
namespace {

const std::string kFigure = "rates";

struct Options {
  ExperimentOptions common;
  std::filesystem::path file;
};

double seconds_of(const NwbUnits& units) {
  return units.last_spike - units.first_spike;
}

/// Hz from the spikes themselves, whatever a column says.
double rate_of(const NwbUnits& units, std::size_t unit) {
  const double seconds = seconds_of(units);
  return seconds > 0 ? static_cast<double>(units.spikes[unit]) / seconds : 0;
}

/// Units and spikes of each area.
struct AreaSum {
  std::int64_t units = 0;
  std::uint64_t spikes = 0;
};
std::map<std::string, AreaSum> areas_of(const NwbUnits& units) {
  std::map<std::string, AreaSum> areas;
  for (std::size_t unit = 0; unit < units.size(); ++unit) {
    auto& area = areas[units.area[unit]];
    ++area.units;
    area.spikes += units.spikes[unit];
  }
  return areas;
}

nlohmann::ordered_json rows_of(const NwbUnits& units) {
  auto rows = nlohmann::ordered_json::array();
  for (std::size_t unit = 0; unit < units.size(); ++unit) {
    rows.push_back({{"unit", units.id[unit]},
                    {"area", units.area[unit]},
                    {"spikes", units.spikes[unit]},
                    {"rate_hz", rate_of(units, unit)}});
  }
  return rows;
}

void print(const NwbFile& file, std::uint64_t spikes, std::size_t kept) {
  const auto& units = file.units();
  std::printf("%s (NWB %s): %zu units, %llu spikes in %.3f s\n", file.identifier().c_str(),
              file.version().c_str(), units.size(), static_cast<unsigned long long>(spikes),
              seconds_of(units));
  std::printf("%-12s %8s %12s %10s\n", "area", "units", "spikes", "Hz a unit");
  for (const auto& [name, area] : areas_of(units)) {
    const double seconds = seconds_of(units) * static_cast<double>(area.units);
    std::printf("%-12s %8lld %12llu %10.2f\n", name.c_str(), static_cast<long long>(area.units),
                static_cast<unsigned long long>(area.spikes),
                seconds > 0 ? static_cast<double>(area.spikes) / seconds : 0);
  }
  std::printf("%-12s %8s %12s %10s\n", "unit", "area", "spikes", "Hz");
  for (std::size_t unit = 0; unit < units.size(); ++unit) {
    std::printf("%-12lld %8s %12llu %10.2f\n", static_cast<long long>(units.id[unit]),
                units.area[unit].c_str(), static_cast<unsigned long long>(units.spikes[unit]),
                rate_of(units, unit));
  }
  std::printf("units that pass the default filters: %zu\n", kept);
  for (const auto& table : file.intervals()) std::printf("intervals: %s\n", table.c_str());
}

at::Tensor figure_of(const NwbUnits& units) {
  std::vector<std::size_t> order(units.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return units.spikes[a] > units.spikes[b]; });
  Chart chart{.title = "firing rates", .x_name = "units, fastest first", .y_name = "Hz"};
  std::map<std::string, std::size_t> line_of;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const auto& area = units.area[order[i]];
    const auto [place, is_new] = line_of.try_emplace(area, chart.lines.size());
    if (is_new) {
      chart.lines.push_back({area, line_colour(chart.lines.size()), {}, ChartMarks::dots});
    }
    const auto x = static_cast<double>(i + 1);
    chart.lines[place->second].points.push_back({x, rate_of(units, order[i]), x});
  }
  return draw_chart(chart, 420, 900);
}

int evaluate(const Options& options) {
  if (options.file.empty()) throw UsageError("nwb: expected an NWB file, got none");
  check_outputs(options.common, kFigure, {{"nwb", options.file}});
  const NwbFile file(options.file);
  const auto& units = file.units();
  const auto spikes = std::accumulate(units.spikes.begin(), units.spikes.end(), std::uint64_t{0});
  const auto kept = select_units(units, {}).rows.size();
  print(file, spikes, kept);
  MetricsFile metrics{.experiment = "spike-units"};
  metrics.settings = {{"file", options.file.filename().string()},
                      {"nwb_version", file.version()},
                      {"identifier", file.identifier()},
                      {"area_source", units.area_source}};
  metrics.results = {{"units", units.size()},
                     {"spikes", spikes},
                     {"duration_s", seconds_of(units)},
                     {"first_spike_s", units.first_spike},
                     {"last_spike_s", units.last_spike},
                     {"units_that_pass_the_filters", kept},
                     {"intervals", file.intervals()}};
  metrics.results["rows"] = rows_of(units);
  write_experiment(options.common, metrics, kFigure, figure_of(units));
  return 0;
}

}  // namespace

void add_evaluate_spike_units(Program& program) {
  const auto options = std::make_shared<Options>();
  auto& command = program.add("spike-units",
                              "What an NWB file of sorted spikes holds: units, areas, spikes, "
                              "firing rates, tables of presentations. The duration runs from the "
                              "first spike to the last.",
                              [options] { return evaluate(*options); });
  add_experiment_options(command, options->common, "spike-units");
  command.add_option("--nwb", options->file, "NWB 2 file (HDF5)");
}

}  // namespace neurosplat::apps
