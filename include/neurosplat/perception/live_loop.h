#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "neurosplat/io/frame_sink.h"
#include "neurosplat/io/frame_source.h"

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

/// A column of the CSV beside `frame` and `latency_ms`.
struct LiveColumn {
  std::string name;
  int decimals;
};

/// What a frame gave.
struct SeenFrame {
  at::Tensor panels;            ///< float [3, H, W] in [0, 1]
  double latency_ms;            ///< from the frame in hand to the panels ready
  std::vector<double> numbers;  ///< one a column
  std::string note;             ///< for the progress line
};

struct LiveReport {
  std::vector<double> latencies_ms;
  std::vector<std::vector<double>> numbers;  ///< [frame][column]
  double seconds = 0.0;                      ///< the whole run, reading and writing included
  bool interrupted = false;

  std::size_t frames() const { return latencies_ms.size(); }
  /// Mean of a column over the frames.
  double mean(std::size_t column) const;
};

/// Shows `see` the frames of `source` until it ends, a limit is reached, the viewer asks to stop
/// or SIGINT comes. `title` stands on the progress line.
LiveReport run_live(const std::string& title, const std::vector<LiveColumn>& columns,
                    const std::function<SeenFrame(const Frame&)>& see, FrameSource& source,
                    const LiveOptions& options);

/// The smallest value that at least `percent` of the values do not exceed (nearest rank).
double percentile(std::vector<double> values, double percent);

/// E.g. "150 frames, 12.3 frames/s, latency median 80.9 ms, 99th percentile 95.2 ms".
std::string rate_summary(const LiveReport& report);

}  // namespace neurosplat
