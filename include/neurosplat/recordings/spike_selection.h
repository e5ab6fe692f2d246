#pragma once

#include <ATen/core/Tensor.h>

#include "neurosplat/recordings/recording.h"

namespace neurosplat {

/// Which crossings of an electrode are spikes: of two clusters of waveforms (2-means in the 48
/// samples), those of the one whose mean has the larger mean magnitude.
struct SpikeSelection {
  at::Tensor is_spike;    ///< bool [n]
  at::Tensor spike_mean;  ///< float32 [48], zeros where there is none
  at::Tensor noise_mean;  ///< float32 [48], likewise
};

/// waveforms: int8 [n, 48], of every presentation of one electrode. Lloyd's steps from the tenth
/// and the ninetieth percentile by magnitude until nothing changes, at most 100: the same answer
/// always. Fewer than two waveforms are all spikes.
SpikeSelection select_spikes(const at::Tensor& waveforms);

/// The same for each electrode of a recording; in the order of presentations.
std::vector<SpikeSelection> select_spikes(const Recording& recording);

}  // namespace neurosplat
