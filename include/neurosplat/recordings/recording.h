#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

namespace neurosplat {

/// Samples of the waveform that is kept of each crossing of the threshold, at this rate, Hz.
inline constexpr std::int64_t kSnippetSamples = 48;
inline constexpr double kSnippetRate = 30000;

/// What one electrode gave during one presentation: every crossing of a threshold that was set low,
/// so that many are noise.
struct Crossings {
  std::vector<double> seconds;  ///< from the movie's onset, in order
  at::Tensor waveforms;         ///< int8 [n, 48]
};

/// One showing of one segment of a movie.
struct Presentation {
  std::int64_t movie, segment, repeat;  ///< repeat from 0
  std::vector<Crossings> electrodes;
};

struct Recording {
  std::int64_t electrodes = 0;
  std::vector<Presentation> presentations;
};

}  // namespace neurosplat
