#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "neurosplat/recordings/recording.h"
#include "neurosplat/recordings/spike_selection.h"

namespace neurosplat {

/// Where the frames of a segment lie in a tensor of all frames.
struct FrameRange {
  std::int64_t first, count;
};
using FrameRanges = std::map<std::pair<std::int64_t, std::int64_t>, FrameRange>;

/// What a pair is: every spike with the frame that it answers and, of the other electrodes, spikes
/// within `coincidence` of it; or every frame of a presentation with each electrode's first spike
/// in answer to it. Electrodes without a spike have their mean noise waveform.
enum class Pairing { kSpike, kFrame };

struct ResponsePairs {
  at::Tensor waveforms;  ///< int8 [N, electrodes, 48]
  at::Tensor frame;      ///< int64 [N], place among all frames
};

struct PairingOptions {
  Pairing pairing = Pairing::kFrame;
  double coincidence = 0.0016;  ///< seconds; of kSpike
  double frame_rate = 30, latency = 0.06;
};

/// Pairs of the presentations whose segment is in `ranges`; spikes that answer no frame there are
/// left out, so are frames that no electrode answers. `selections` as select_spikes(recording) has
/// them.
ResponsePairs pair_responses(const Recording& recording,
                             const std::vector<SpikeSelection>& selections,
                             const FrameRanges& ranges, const PairingOptions& options);

}  // namespace neurosplat
