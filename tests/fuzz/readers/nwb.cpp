// An NWB 2 file: everything of it that a command reads.
#include "neurosplat/recordings/nwb.h"

#include "fuzz/readers.h"
#include "fuzz/scratch_file.h"
#include "neurosplat/core/error.h"
#include "neurosplat/recordings/spike_counts.h"

namespace neurosplat::fuzz {

void nwb(Bytes bytes) {
  const ScratchFile path(bytes, "case.nwb");
  const NwbFile file(path.path());
  const auto& units = file.units();
  std::vector<std::size_t> all;
  for (std::size_t i = 0; i < units.size(); ++i) {
    all.push_back(i);
    expect(units.rate(i) == units.rate(i) || !units.firing_rate.empty(),
           "a rate that is no number");
  }
  select_units(units, {});
  std::vector<double> onsets;
  for (const auto& table : file.intervals()) {
    try {
      onsets = file.presentations(table).start;
    } catch (const Error&) {
      // Not every table shows pictures.
    }
  }
  const auto counts = count_spikes(file, all, onsets, {}, 1);
  expect(counts.size() == all.size() * onsets.size(), "not as many counts as units and onsets");
}

}  // namespace neurosplat::fuzz
