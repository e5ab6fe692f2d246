#pragma once

#include "neurosplat/recordings/nwb.h"
#include "recordings/hdf5_file.h"

namespace neurosplat {

inline constexpr const char* kSpikeTimes = "/units/spike_times";

/// The table /units; `spikes` is its open column of spike times.
NwbUnits read_nwb_units(const hdf5::File& file, const hdf5::Column& spikes);

}  // namespace neurosplat
