#include "recordings/nwb_units.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <utility>

#include "neurosplat/core/error.h"
#include "neurosplat/core/printable.h"
#include "neurosplat/core/text.h"

namespace neurosplat {
namespace {

constexpr const char* kElectrodes = "/general/extracellular_ephys/electrodes";
constexpr const char* kUnknown = "unknown";

/// Throws unless a column has a row for each unit.
template <class Values>
Values of_each_unit(const hdf5::File& file, const std::string& dataset, Values values,
                    std::size_t units) {
  if (values.size() != units) {
    file.fail(dataset,
              text("expected ", units, " rows, one for each of /units/id, got ", values.size()));
  }
  return values;
}

std::vector<double> optional_numbers(const hdf5::File& file, const std::string& name,
                                     std::size_t units) {
  const auto dataset = "/units/" + name;
  if (!file.has(dataset)) return {};
  return of_each_unit(file, dataset, file.numbers(dataset), units);
}

/// Where each unit's elements begin and how many there are, by a VectorIndex: the ends, one after
/// the other.
struct Ranges {
  std::vector<std::uint64_t> first, count;
};

Ranges ranges_of(const hdf5::File& file, const std::string& dataset, std::size_t units,
                 std::uint64_t elements) {
  const auto ends = of_each_unit(file, dataset, file.integers(dataset), units);
  Ranges ranges;
  std::uint64_t begin = 0;
  for (std::size_t i = 0; i < ends.size(); ++i) {
    if (ends[i] < 0 || static_cast<std::uint64_t>(ends[i]) < begin) {
      file.fail(dataset, text("expected ends that do not fall, got ", ends[i], " in row ", i,
                              " after ", begin, ": write it again"));
    }
    const auto end = static_cast<std::uint64_t>(ends[i]);
    if (end > elements) {
      file.fail(dataset, text("expected ends up to ", elements, ", got ", end, " in row ", i,
                              ": write it again"));
    }
    ranges.first.push_back(begin);
    ranges.count.push_back(end - begin);
    begin = end;
  }
  return ranges;
}

/// The row of each unit's electrode, -1 where it has none; empty where the file does not say.
std::vector<std::int64_t> electrode_rows(const hdf5::File& file, std::size_t units,
                                         std::string& source) {
  std::vector<std::int64_t> rows;
  const auto electrodes = std::string(kElectrodes) + "/id";
  if (!file.has(electrodes)) return rows;
  const auto ids = file.integers(electrodes);
  if (file.has("/units/peak_channel_id")) {
    source = "units.peak_channel_id";
    std::map<std::int64_t, std::int64_t> row_of;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      row_of.emplace(ids[i], static_cast<std::int64_t>(i));
    }
    const std::string dataset = "/units/peak_channel_id";
    for (const auto id : of_each_unit(file, dataset, file.integers(dataset), units)) {
      const auto found = row_of.find(id);
      if (found == row_of.end()) {
        file.fail(dataset, text("expected ids of ", kElectrodes, ", got ", id));
      }
      rows.push_back(found->second);
    }
  } else if (file.has("/units/electrodes")) {
    source = "units.electrodes";
    const auto region = file.integers("/units/electrodes");
    for (const auto row : region) {
      if (row < 0 || row >= std::ssize(ids)) {
        file.fail("/units/electrodes",
                  text("expected rows of ", kElectrodes, " below ", ids.size(), ", got ", row));
      }
    }
    if (!file.has("/units/electrodes_index")) {
      return of_each_unit(file, "/units/electrodes", region, units);
    }
    const auto ranges = ranges_of(file, "/units/electrodes_index", units, region.size());
    for (std::size_t i = 0; i < units; ++i) {
      rows.push_back(ranges.count[i] == 0 ? -1 : region[ranges.first[i]]);
    }
  }
  return rows;
}

std::vector<std::string> areas_in_column(const hdf5::File& file, std::size_t units,
                                         std::string& source) {
  for (const char* name : {"area", "location", "ecephys_structure_acronym", "brain_area"}) {
    const auto dataset = text("/units/", name);
    if (!file.has(dataset)) continue;
    source = text("units.", name);
    return of_each_unit(file, dataset, file.texts(dataset), units);
  }
  source = "none";
  return std::vector<std::string>(units, kUnknown);
}

void read_areas(const hdf5::File& file, NwbUnits& units) {
  const auto rows = electrode_rows(file, units.size(), units.area_source);
  const auto location = std::string(kElectrodes) + "/location";
  const auto valid_data = std::string(kElectrodes) + "/valid_data";
  if (!rows.empty() && file.has(location)) {
    const auto locations = file.texts(location);
    for (const auto row : rows) {
      if (row >= std::ssize(locations)) file.fail(location, "expected a row for each electrode");
      units.area.push_back(row < 0 ? kUnknown : locations[static_cast<std::size_t>(row)]);
    }
  } else {
    units.area = areas_in_column(file, units.size(), units.area_source);
  }
  for (auto& area : units.area) {
    if (area.empty()) area = kUnknown;
  }
  if (rows.empty() || !file.has(valid_data)) return;
  const auto valid = file.integers(valid_data);
  for (const auto row : rows) {
    if (row >= std::ssize(valid)) file.fail(valid_data, "expected a row for each electrode");
    units.valid_electrode.push_back(row >= 0 && valid[static_cast<std::size_t>(row)] != 0 ? 1 : 0);
  }
}

/// From the first and the last spike of each unit, in one read.
void read_span(const hdf5::File& file, const hdf5::Column& spikes, NwbUnits& units) {
  std::vector<hsize_t> places;
  for (std::size_t i = 0; i < units.size(); ++i) {
    if (units.spikes[i] == 0) continue;
    places.push_back(units.first[i]);
    if (units.spikes[i] > 1) places.push_back(units.first[i] + units.spikes[i] - 1);
  }
  const auto seconds = file.read_at(spikes, kSpikeTimes, places);
  for (const double time : seconds) {
    if (!std::isfinite(time)) file.fail(kSpikeTimes, text("expected seconds, got ", time));
  }
  if (seconds.empty()) return;
  const auto [least, most] = std::minmax_element(seconds.begin(), seconds.end());
  units.first_spike = *least;
  units.last_spike = *most;
}

}  // namespace

NwbUnits read_nwb_units(const hdf5::File& file, const hdf5::Column& spikes) {
  NwbUnits units;
  units.id = file.integers("/units/id");
  const auto count = units.size();
  auto ranges = ranges_of(file, "/units/spike_times_index", count, spikes.size);
  units.first = std::move(ranges.first);
  units.spikes = std::move(ranges.count);
  read_areas(file, units);
  if (file.has("/units/quality")) {
    units.quality = of_each_unit(file, "/units/quality", file.texts("/units/quality"), count);
  }
  units.amplitude_cutoff = optional_numbers(file, "amplitude_cutoff", count);
  units.presence_ratio = optional_numbers(file, "presence_ratio", count);
  units.isi_violations = optional_numbers(file, "isi_violations", count);
  units.snr = optional_numbers(file, "snr", count);
  units.firing_rate = optional_numbers(file, "firing_rate", count);
  read_span(file, spikes, units);
  return units;
}

double NwbUnits::rate(std::size_t unit) const {
  if (!firing_rate.empty() && std::isfinite(firing_rate[unit])) return firing_rate[unit];
  const double seconds = last_spike - first_spike;
  return seconds > 0 ? static_cast<double>(spikes[unit]) / seconds : 0;
}

SelectedUnits select_units(const NwbUnits& units, const UnitFilter& filter) {
  for (const auto& area : filter.areas) {
    if (std::find(units.area.begin(), units.area.end(), area) != units.area.end()) continue;
    std::vector<std::string> there = units.area;
    std::sort(there.begin(), there.end());
    there.erase(std::unique(there.begin(), there.end()), there.end());
    throw Error(text("areas: expected some of ", printable_list(there), ", got ", printable(area)));
  }
  SelectedUnits selected;
  const auto absent = [&](bool is_absent, const char* name) {
    if (is_absent && units.size() > 0) selected.absent.emplace_back(name);
    return is_absent;
  };
  const bool any_cutoff = absent(units.amplitude_cutoff.empty(), "amplitude_cutoff");
  const bool any_presence = absent(units.presence_ratio.empty(), "presence_ratio");
  const bool any_violations = absent(units.isi_violations.empty(), "isi_violations");
  const bool any_quality = filter.quality.empty() || absent(units.quality.empty(), "quality");
  const bool any_electrode =
      !filter.valid_electrode || absent(units.valid_electrode.empty(), "valid_data");
  for (std::size_t i = 0; i < units.size(); ++i) {
    const bool wanted = filter.areas.empty() || std::find(filter.areas.begin(), filter.areas.end(),
                                                          units.area[i]) != filter.areas.end();
    if (wanted && (any_cutoff || units.amplitude_cutoff[i] <= filter.most_amplitude_cutoff) &&
        (any_presence || units.presence_ratio[i] >= filter.least_presence_ratio) &&
        (any_violations || units.isi_violations[i] <= filter.most_isi_violations) &&
        (any_quality || units.quality[i] == filter.quality) &&
        (any_electrode || units.valid_electrode[i] != 0) && units.rate(i) >= filter.least_rate) {
      selected.rows.push_back(i);
    }
  }
  return selected;
}

}  // namespace neurosplat
