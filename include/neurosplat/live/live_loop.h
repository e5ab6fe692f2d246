#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "neurosplat/io/frame_sink.h"
#include "neurosplat/io/frame_source.h"
#include "neurosplat/live/latency_histogram.h"

namespace neurosplat {

/// Where the panels of a live program go, and when it stops.
struct LiveOptions {
  std::int64_t frames = 0;        ///< stop after that many; 0: with the source
  FrameSink* sink = nullptr;      ///< takes the panels; closed at the end, also on interrupt
  std::filesystem::path metrics;  ///< CSV of every frame's numbers, "" for none
  /// Shows the panels, a line with the rate and the frame's note below them; false ends the run.
  /// May be empty.
  std::function<bool(const at::Tensor&)> show;
};

/// A column of the CSV beside `frame`, `latency_ms` and, last, `dropped`: how many frames were left
/// out between the frame before and this one.
struct LiveColumn {
  std::string name;
  int decimals;
};

/// What a frame gave.
struct SeenFrame {
  at::Tensor panels;                 ///< float [3, H, W] in [0, 1]
  double latency_ms = 0.0;           ///< from the frame in hand to the panels ready
  std::vector<double> numbers = {};  ///< one a column; none where the columns do not apply
  std::string note = {};             ///< for the progress line
  std::string title = {};            ///< on the line below the panels; empty: the run's
};

/// Figures of a run, the same size after days.
struct LiveReport {
  std::int64_t frames = 0, dropped = 0;
  LatencyHistogram latencies;
  std::vector<double> sums;  ///< of each column, over `rows` frames that have numbers
  std::int64_t rows = 0;
  double seconds = 0.0;  ///< the whole run, reading and writing included
  bool interrupted = false;

  /// Mean of a column over the frames that have it.
  double mean(std::size_t column) const { return sums.at(column) / static_cast<double>(rows); }
};

/// Shows `see` the frames of `source` until it ends, a limit is reached, the viewer asks to stop
/// or SIGINT comes. `title` stands on the progress line. The sink gets panels of the size of the
/// first; others are fitted into it. When something fails, what was seen until then is kept: sink
/// and CSV are completed before the error goes on.
LiveReport run_live(const std::string& title, const std::vector<LiveColumn>& columns,
                    const std::function<SeenFrame(const Frame&)>& see, FrameSource& source,
                    const LiveOptions& options);

/// The smallest value that at least `percent` of the values do not exceed (nearest rank).
double percentile(std::vector<double> values, double percent);

/// E.g. "150 frames, 12.3 frames/s, latency median 80.9 ms, 99th percentile 95.2 ms", and
/// ", 7 dropped" where some were.
std::string rate_summary(const LiveReport& report);

}  // namespace neurosplat
