#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "neurosplat/recordings/nwb.h"

namespace neurosplat {

/// A row of /general/extracellular_ephys/electrodes.
struct NwbElectrode {
  std::int64_t id;
  std::string location;  ///< area
  std::string probe;     ///< of NwbSession::probes
  double x, y, z;        ///< micrometres
  double vertical;       ///< micrometres along the probe
  bool valid;            ///< valid_data
};

/// A row of /units; spikes come apart.
struct NwbUnit {
  std::int64_t id, peak_channel;  ///< id of an electrode
  std::string quality;            ///< "good" or "noise"
  double amplitude_cutoff, presence_ratio, isi_violations, snr;
};

/// What a file says but for the spikes.
struct NwbSession {
  std::string identifier, description;
  std::string start_time = "2019-01-01T00:00:00+00:00";  ///< ISO 8601
  std::string subject = "unknown", species = "Mus musculus";
  double seconds = 0;  ///< of the recording
  std::vector<std::string> probes;
  std::vector<NwbElectrode> electrodes;
  std::vector<NwbUnit> units;
  std::vector<NwbPresentations> presentations;  ///< one without pictures has no column `frame`
};

/// Spike times of the unit at this place in NwbSession::units, seconds, rising; may be empty.
using SpikeSource = std::function<std::vector<double>(std::size_t unit)>;

/// Writes NWB 2.7, whole or not at all; one unit's spikes are held at a time. firing_rate is spikes
/// over `seconds`. Throws UsageError for a session that contradicts itself, Error where it cannot
/// be written.
void write_nwb(const std::filesystem::path& file, const NwbSession& session,
               const SpikeSource& spikes);

}  // namespace neurosplat
