#include "neurosplat/recordings/nwb_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <numeric>
#include <set>
#include <system_error>

#include "neurosplat/core/error.h"
#include "neurosplat/core/random_stream.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/atomic_file.h"
#include "recordings/nwb_tables.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;

constexpr const char* kProbes = "/general/extracellular_ephys/";
/// Spikes that are gathered before they are written: 8 MiB.
constexpr std::size_t kGathered = 1U << 20U;

template <class Row, class Value>
std::vector<Value> column_of(const std::vector<Row>& rows, Value Row::*field) {
  std::vector<Value> values;
  for (const auto& row : rows) values.push_back(row.*field);
  return values;
}

std::vector<std::int64_t> count_up(std::size_t rows) {
  std::vector<std::int64_t> ids(rows);
  std::iota(ids.begin(), ids.end(), std::int64_t{0});
  return ids;
}

void refuse(const std::string& what) {
  throw UsageError("session: expected " + what);
}

void check(const NwbSession& session) {
  if (session.identifier.empty() || !(session.seconds > 0) || !std::isfinite(session.seconds)) {
    refuse("an identifier and a length in seconds");
  }
  std::set<std::int64_t> channels;
  for (const auto& electrode : session.electrodes) {
    if (!channels.insert(electrode.id).second) {
      refuse(text("electrodes with ids of their own, got ", electrode.id, " twice"));
    }
    if (std::find(session.probes.begin(), session.probes.end(), electrode.probe) ==
        session.probes.end()) {
      refuse("electrodes on its probes, got " + electrode.probe);
    }
  }
  for (const auto& unit : session.units) {
    if (channels.count(unit.peak_channel) == 0) {
      refuse(text("units on its electrodes, got ", unit.peak_channel));
    }
  }
  for (const auto& shown : session.presentations) {
    const auto rows = shown.start.size();
    if (shown.stop.size() != rows || (!shown.picture.empty() && shown.picture.size() != rows) ||
        (!shown.block.empty() && shown.block.size() != rows)) {
      refuse("columns of one length in " + shown.name);
    }
  }
}

void write_frame(hdf5::NwbTables& out, const NwbSession& session) {
  out.group("/", "NWBFile");
  out.attribute("/", "nwb_version", "2.7.0");
  out.scalar("/identifier", session.identifier);
  out.scalar("/session_description", session.description);
  out.scalar("/session_start_time", session.start_time);
  out.scalar("/timestamps_reference_time", session.start_time);
  out.texts("/file_create_date", {session.start_time});
  for (const char* group : {"/acquisition", "/analysis", "/processing", "/intervals", "/stimulus",
                            "/stimulus/presentation", "/stimulus/templates", "/general",
                            "/general/devices", "/general/extracellular_ephys"}) {
    out.group(group);
  }
  out.group("/general/subject", "Subject");
  out.scalar("/general/subject/subject_id", session.subject);
  out.scalar("/general/subject/species", session.species);
  out.scalar("/general/subject/sex", "U");
  out.scalar("/general/subject/age", "P0D/");  // any
  for (const auto& probe : session.probes) {
    const auto device = "/general/devices/" + probe, group = kProbes + probe;
    out.group(device, "Device");
    out.attribute(device, "description", "Neuropixels probe");
    out.group(group, "ElectrodeGroup");
    out.attribute(group, "description", "Electrodes of " + probe);
    out.attribute(group, "location", "mouse visual cortex");
    out.soft_link(device, group + "/device");
  }
}

void write_electrodes(hdf5::NwbTables& out, const std::vector<NwbElectrode>& electrodes) {
  const std::string table = std::string(kProbes) + "electrodes";
  out.table(
      table, "DynamicTable", "Electrodes of all probes",
      {"location", "group", "group_name", "x", "y", "z", "valid_data", "probe_vertical_position"},
      column_of(electrodes, &NwbElectrode::id));
  std::vector<std::string> groups;
  std::vector<std::int8_t> valid;
  for (const auto& electrode : electrodes) {
    groups.push_back(kProbes + electrode.probe);
    valid.push_back(electrode.valid ? 1 : 0);
  }
  out.column(table + "/location", "Area", column_of(electrodes, &NwbElectrode::location));
  out.object_column(table + "/group", "Probe", groups);
  out.column(table + "/group_name", "Name of the probe",
             column_of(electrodes, &NwbElectrode::probe));
  out.column(table + "/x", "Micrometres", column_of(electrodes, &NwbElectrode::x));
  out.column(table + "/y", "Micrometres", column_of(electrodes, &NwbElectrode::y));
  out.column(table + "/z", "Micrometres", column_of(electrodes, &NwbElectrode::z));
  out.truth_column(table + "/valid_data", "Whether its data can be used", valid);
  out.column(table + "/probe_vertical_position", "Micrometres along the probe",
             column_of(electrodes, &NwbElectrode::vertical));
}

void check_spikes(const std::vector<double>& seconds, std::size_t unit) {
  for (std::size_t i = 0; i < seconds.size(); ++i) {
    if (!std::isfinite(seconds[i]) || (i > 0 && seconds[i] < seconds[i - 1])) {
      refuse(text("spikes that rise, got ", seconds[i], " in unit ", unit));
    }
  }
}

/// The ends of each unit's spikes.
std::vector<std::uint64_t> write_spikes(hdf5::NwbTables& out, std::size_t units,
                                        const SpikeSource& spikes) {
  std::vector<std::uint64_t> ends;
  std::vector<double> gathered;
  std::uint64_t end = 0;
  bool begun = false;
  const auto append = [&] {
    // As many spikes are expected of the units to come as these have.
    const auto expected = gathered.size() / std::max<std::size_t>(ends.size(), 1) * units;
    if (!begun) {
      out.growing_column("/units/spike_times", "Seconds of each unit's spikes", expected);
    }
    begun = true;
    out.append(gathered);
    gathered.clear();
  };
  for (std::size_t unit = 0; unit < units; ++unit) {
    const auto seconds = spikes(unit);
    check_spikes(seconds, unit);
    gathered.insert(gathered.end(), seconds.begin(), seconds.end());
    ends.push_back(end += seconds.size());
    if (gathered.size() >= kGathered) append();
  }
  append();
  out.index("/units/spike_times", ends);
  return ends;
}

void write_units(hdf5::NwbTables& out, const NwbSession& session, const SpikeSource& spikes) {
  const auto& units = session.units;
  out.table("/units", "Units", "Sorted units",
            {"peak_channel_id", "quality", "amplitude_cutoff", "presence_ratio", "isi_violations",
             "snr", "firing_rate", "spike_times"},
            column_of(units, &NwbUnit::id));
  const auto ends = write_spikes(out, units.size(), spikes);
  std::vector<double> rates;
  for (std::size_t i = 0; i < ends.size(); ++i) {
    rates.push_back(static_cast<double>(ends[i] - (i == 0 ? 0 : ends[i - 1])) / session.seconds);
  }
  out.column("/units/peak_channel_id", "Id of the electrode with the largest waveform",
             column_of(units, &NwbUnit::peak_channel));
  out.column("/units/quality", "good or noise", column_of(units, &NwbUnit::quality));
  out.column("/units/amplitude_cutoff", "Share of spikes below the threshold",
             column_of(units, &NwbUnit::amplitude_cutoff));
  out.column("/units/presence_ratio", "Share of the session with spikes",
             column_of(units, &NwbUnit::presence_ratio));
  out.column("/units/isi_violations", "Rate of violations of the refractory time",
             column_of(units, &NwbUnit::isi_violations));
  out.column("/units/snr", "Signal over noise of the waveform", column_of(units, &NwbUnit::snr));
  out.column("/units/firing_rate", "Spikes a second", rates);
}

void write_presentations(hdf5::NwbTables& out, const NwbPresentations& shown) {
  const auto table = "/intervals/" + shown.name;
  std::vector<std::string> columns = {"start_time", "stop_time"};
  if (!shown.picture.empty()) columns.emplace_back("frame");
  if (!shown.block.empty()) columns.emplace_back("stimulus_block");
  out.table(table, "TimeIntervals", "Presentations of " + shown.name, columns,
            count_up(shown.start.size()));
  out.column(table + "/start_time", "Seconds", shown.start);
  out.column(table + "/stop_time", "Seconds", shown.stop);
  // float64, as in the sessions of the Allen Institute.
  if (!shown.picture.empty()) {
    out.column(table + "/frame", "Picture, -1: blank",
               std::vector<double>(shown.picture.begin(), shown.picture.end()));
  }
  if (!shown.block.empty()) {
    out.column(table + "/stimulus_block", "Block",
               std::vector<double>(shown.block.begin(), shown.block.end()));
  }
}

void sync(const fs::path& path, const fs::path& named) {
  const int opened = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const int cause = opened < 0 || ::fsync(opened) != 0 ? errno : 0;
  if (opened >= 0) ::close(opened);
  // EINVAL: a file system whose folders cannot be synced.
  if (cause == 0 || cause == EINVAL) return;
  throw Error(text("expected to write ", named.string(),
                   ", the system said: ", std::generic_category().message(cause)));
}

/// A file that goes with the object.
struct Part {
  explicit Part(fs::path name) : path(std::move(name)) {}
  ~Part() {
    std::error_code ignored;
    fs::remove(path, ignored);
  }
  Part(const Part&) = delete;
  Part& operator=(const Part&) = delete;
  fs::path path;
};

}  // namespace

void write_nwb(const fs::path& file, const NwbSession& session, const SpikeSource& spikes) {
  check(session);
  if (fs::exists(file) && !fs::is_regular_file(file)) {
    throw Error(text("expected a file to write, ", file.string(), " is none: give another path"));
  }
  // HDF5 writes to a path of its own. This one only keeps a second writer out: it is never
  // committed.
  const AtomicFile lock(file, /*wait=*/false);
  const auto folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
  const Part part(folder / text(".", file.filename().string(), ".part"));
  hdf5::NwbTables out(part.path, file.string(),
                      hash_of_name(session.identifier, session.units.size()));
  write_frame(out, session);
  write_electrodes(out, session.electrodes);
  write_units(out, session, spikes);
  for (const auto& shown : session.presentations) write_presentations(out, shown);
  out.close();
  sync(part.path, file);
  std::error_code failed;
  fs::rename(part.path, file, failed);
  if (failed) {
    throw Error(text("expected to write ", file.string(), ", the system said: ", failed.message()));
  }
  sync(folder, file);
}

}  // namespace neurosplat
