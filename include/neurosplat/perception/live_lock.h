#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "neurosplat/perception/live_loop.h"
#include "neurosplat/perception/phase_lock.h"

namespace neurosplat {

using LiveLockOptions = LiveOptions;

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

/// E.g. "150 frames, 12.3 frames/s, latency median 80.9 ms, 99th percentile 95.2 ms, PSNR prior
/// 14.2 dB -> locked 18.9 dB"; the PSNR are means over the frames.
std::string summary(const LiveLockReport& report);

}  // namespace neurosplat
