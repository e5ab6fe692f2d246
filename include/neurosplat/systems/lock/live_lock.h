#pragma once

#include <memory>
#include <string>
#include <vector>

#include "neurosplat/live/live_loop.h"
#include "neurosplat/systems/lock/lock_solver.h"

namespace neurosplat {

/// A lock on the centre squares of frames. Three panels: retina, prior, phase-locked. Keeps what
/// the solver remembers.
class LiveLock {
 public:
  /// budget_ms: for a whole frame, panels included; infinity leaves the end to the solver's steps.
  LiveLock(const SplatVae& model, const LockSolverSettings& settings, double budget_ms);

  SeenFrame see(const Frame& frame);
  /// The next frame is the first.
  void reset() { solver_->reset(); }

 private:
  std::int64_t size_;
  std::string name_;
  double budget_ms_, besides_ms_ = 0.0;  ///< what the last frame took outside the solver
  double reserve_ms_ = 0.0;              ///< left of the budget beside busy programs
  std::unique_ptr<LockSolver> solver_;
};

/// prior_psnr_db, locked_psnr_db, floaters, steps.
std::vector<LiveColumn> lock_columns();

/// E.g. "150 frames, 12.3 frames/s, latency median 80.9 ms, 99th percentile 95.2 ms, PSNR prior
/// 14.2 dB -> locked 18.9 dB"; the PSNR are means over the frames.
std::string lock_summary(const LiveReport& report);

}  // namespace neurosplat
