#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "neurosplat/recordings/nwb.h"

namespace neurosplat {

/// Seconds from a presentation's onset, from included, to not. Images follow without a gap: a
/// window that ends later than the presentation holds spikes that answer the next one too, and both
/// count them.
struct CountWindow {
  double from = 0, to = 0.25;
};

/// Spikes in the window of each onset: int32 [onsets, units], row by row. `units` are rows of the
/// table, each once; onsets are seconds in any order. Spikes are streamed: memory beside the result
/// is bounded. Where the file is concurrent(), `threads` count at once (0: as many as the machine
/// has, 8 at most); the result and what is thrown are the same. Throws UsageError for a window
/// without length, Error for spikes that are none.
std::vector<std::int32_t> count_spikes(const NwbFile& file, std::span<const std::size_t> units,
                                       std::span<const double> onsets, CountWindow window,
                                       std::size_t threads = 0);

/// The same for one unit's spikes, which rise: int32 [onsets].
std::vector<std::int32_t> count_spikes(std::span<const double> spikes,
                                       std::span<const double> onsets, CountWindow window);

}  // namespace neurosplat
