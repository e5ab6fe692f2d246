#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

/// Neurodata Without Borders 2 (https://nwb-schema.readthedocs.io), units and presentations as the
/// Allen Brain Observatory's Neuropixels sessions have them.
namespace neurosplat {

/// The table of units, a row each. An optional column that the file does not have is empty.
struct NwbUnits {
  std::vector<std::int64_t> id;
  std::vector<std::uint64_t> first, spikes;  ///< where a unit's spikes begin among all, how many
  std::vector<std::string> area;             ///< "unknown" where there is none
  std::string area_source;                   ///< the column that it comes from, "none" without one
  std::vector<std::uint8_t>
      valid_electrode;               ///< optional; 1: electrodes.valid_data of its electrode
  std::vector<std::string> quality;  ///< optional, "good" or "noise"
  std::vector<double> amplitude_cutoff, presence_ratio, isi_violations, snr;  ///< optional
  std::vector<double> firing_rate;                                            ///< optional, Hz
  double first_spike = 0, last_spike = 0;  ///< seconds, over all units

  std::size_t size() const { return id.size(); }
  /// Hz: firing_rate where the column is there and finite, else spikes over the time from the first
  /// spike of all to the last.
  double rate(std::size_t unit) const;
};

/// Showings of pictures, in order of time.
struct NwbPresentations {
  std::string name;                   ///< of the table, e.g. natural_scenes_presentations
  std::vector<double> start, stop;    ///< seconds
  std::vector<std::int64_t> picture;  ///< from 0; -1: blank
  std::vector<std::int64_t> block;    ///< optional
};

/// A file that is open for reading. Nothing in it is trusted: what is missing, of another type or
/// shape, out of range or larger than the file can hold is an Error, one line that names file and
/// dataset. Links to other files are not followed. HDF5 knows no threads: one at a time, over all
/// files, but for visit_spikes of a file that is concurrent().
class NwbFile {
 public:
  explicit NwbFile(const std::filesystem::path& file);
  ~NwbFile();
  NwbFile(NwbFile&&) noexcept;
  NwbFile& operator=(NwbFile&&) noexcept;

  const std::filesystem::path& path() const;
  const std::string& version() const;  ///< of the schema, 2.x
  const std::string& identifier() const;
  const std::string& session_start_time() const;  ///< ISO 8601; empty where there is none
  /// Read once, when the file is opened.
  const NwbUnits& units() const;

  /// The tables in /intervals, sorted.
  std::vector<std::string> intervals() const;
  /// /intervals/`name`, or `name`_presentations: start_time, stop_time, frame (-1: blank) and,
  /// where it is there, stimulus_block. Throws Error for times that are no numbers, a stop before
  /// its start and presentations that overlap by more than .1 ms.
  NwbPresentations presentations(const std::string& name) const;

  /// Gets pieces of the spike times, seconds, rising, of the unit at `place` in the list; a unit
  /// with many comes in several, one without any in none.
  using SpikeVisitor = std::function<void(std::size_t place, std::span<const double> seconds)>;
  /// Spikes of the units (rows of the table, each once), in order of the file, in bulk reads of at
  /// most 1 MiB. Throws Error for times that are not finite or do not rise within a unit.
  void visit_spikes(std::span<const std::size_t> units, const SpikeVisitor& visit) const;
  /// Whether several threads may call visit_spikes of this file at once, beside one that does
  /// anything else: spike times are float64 and not packed, and are read past HDF5.
  bool concurrent() const;
  /// Places in the list of the units that have spikes, in order of the file. Throws UsageError for
  /// rows that are none and for one with spikes that is named twice.
  std::vector<std::size_t> in_order(std::span<const std::size_t> units) const;
  /// All of one unit. For many units use visit_spikes.
  std::vector<double> spike_times(std::size_t unit) const;

 private:
  struct Content;
  std::unique_ptr<Content> content_;
};

/// Which units to keep. The defaults are AllenSDK's for its Neuropixels sessions, and a least rate.
struct UnitFilter {
  double most_amplitude_cutoff = 0.1, least_presence_ratio = 0.95, most_isi_violations = 0.5;
  std::string quality = "good";         ///< empty: any
  bool valid_electrode = true;          ///< only units of electrodes whose data are valid
  double least_rate = 0.1;              ///< Hz
  std::vector<std::string> areas = {};  ///< empty: any
};

struct SelectedUnits {
  std::vector<std::size_t> rows;    ///< of the table, rising
  std::vector<std::string> absent;  ///< columns that the file lacks, by which nothing was filtered
};

/// A NaN in a column fails the unit. Throws Error for an area that no unit is in.
SelectedUnits select_units(const NwbUnits& units, const UnitFilter& filter);

}  // namespace neurosplat
