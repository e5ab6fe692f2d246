#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "neurosplat/io/frame_sink.h"
#include "neurosplat/io/frame_source.h"
#include "neurosplat/perception/phase_lock.h"

namespace neurosplat {

/// Where the panels of a live lock go, and when it stops.
struct LiveLockOptions {
  std::int64_t frames = 0;        ///< stop after that many; 0: with the source
  FrameSink* sink = nullptr;      ///< takes the panels; closed at the end, also on interrupt
  std::filesystem::path metrics;  ///< CSV of every frame's numbers, "" for none
  /// Shows the panels; false ends the run. May be empty.
  std::function<bool(const at::Tensor&)> show;
};

/// The numbers of one frame.
struct LiveLockFrame {
  double latency_ms;  ///< from the frame in hand to the panels ready
  double prior_psnr_db, locked_psnr_db;
  std::int64_t floaters;
};

struct LiveLockReport {
  std::vector<LiveLockFrame> frames;
  double seconds = 0.0;  ///< the whole run, reading and writing included
  bool interrupted = false;
};

/// Locks onto the frames of `source` until it ends, a limit is reached, the viewer asks to stop
/// or SIGINT comes.
LiveLockReport run_live_lock(const PhaseLock& lock, FrameSource& source,
                             const LiveLockOptions& options);

/// The smallest value that at least `percent` of the values do not exceed (nearest rank).
double percentile(std::vector<double> values, double percent);

/// E.g. "150 frames, 12.3 frames/s, latency median 80.9 ms, 99th percentile 95.2 ms, PSNR prior
/// 14.2 dB -> locked 18.9 dB"; the PSNR are means over the frames.
std::string summary(const LiveLockReport& report);

}  // namespace neurosplat
