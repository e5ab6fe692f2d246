#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "neurosplat/systems/lock/lock_solver.h"
#include "neurosplat/systems/splat_vae/splat_vae.h"

namespace neurosplat {

/// A solver under the name that its rows carry.
struct NamedLockSolver {
  std::string name;
  LockSolverSettings settings;
};

/// "closed-form", "latent" (as many steps as the budget allows), "adam" (as the reference starts
/// it) or "adam-RATExSTEPS", e.g. adam-0.05x10, or "closed-form-NARROWEST", e.g. closed-form-0.01,
/// or "iterative" (a step a frame) or "iterative-STEPS", e.g. iterative-5. Throws UsageError for
/// anything else.
NamedLockSolver lock_solver_from_name(const std::string& name);

/// Pictures to lock onto, or the frames of one video.
struct LockSet {
  std::string name;
  at::Tensor pictures;             ///< uint8 [K, 3, S, S], S the model's
  std::vector<std::string> names;  ///< of each picture
  double frames_per_second = 0;    ///< above 0: a video
};

/// cold: one call after a reset. still: the same picture for a number of frames after a reset.
/// video: frames as they arrive, the state kept, those that come too late dropped.
enum class LockMode { cold, still, video };
std::string name_of(LockMode mode);

struct LockCurveRequest {
  std::vector<NamedLockSolver> solvers;
  std::vector<double> budgets_ms;               ///< cold, a frame
  std::vector<double> still_budgets_ms = {33};  ///< may be empty
  std::int64_t still_frames = 30;
  std::vector<double> video_budgets_ms = {33};
};

/// Throws UsageError unless all numbers are above 0 and there is a solver and a budget.
void check(const LockCurveRequest& request);

/// One picture or frame. Of a still scene: after its last call, the latency a mean over all.
struct LockedOne {
  std::string name;
  double psnr_db, prior_db, latency_ms;
  std::int64_t floaters, spurious, steps;  ///< systems/lock/floaters.h
};

/// What a solver made of a set. Latencies are wall-clock milliseconds of single follow() calls,
/// percentiles by nearest rank.
struct LockRow {
  std::string set;
  LockMode mode;
  std::string solver;
  double budget_ms;
  double psnr_mean_db, prior_db;  ///< means over `pictures`
  double latency_p50_ms, latency_p99_ms;
  double floaters_per_image, spurious_per_image;
  std::int64_t pictures;                       ///< of a video: the frames that were followed
  std::optional<std::int64_t> dropped_frames;  ///< of a video
  std::vector<LockedOne> each;
};

/// Every solver on every set: cold and still on pictures, video on videos. Each solver first sees
/// one picture of the set that does not count. PSNR is taken here, from what a solver draws.
/// `finished`, which may be empty, is called with each row. Draws a progress line. While an
/// InterruptGuard is raised it returns the rows that were finished before.
std::vector<LockRow> measure_lock(const SplatVae& model, const std::vector<LockSet>& sets,
                                  const LockCurveRequest& request,
                                  const std::function<void(const LockRow&)>& finished = {});

/// One line for each picture of each row, whole or not at all.
void write_per_picture_csv(const std::filesystem::path& path, const std::vector<LockRow>& rows);

/// PSNR over latency, a chart a set: a point a budget at the median, a line to the 99th percentile.
/// float [3, H, W].
at::Tensor lock_curve_figure(const std::vector<LockRow>& rows);

/// `count` pictures of each set, evenly spaced, cold: the frame, the prior, and what each solver
/// makes of them within the budget. float [3, H, W].
at::Tensor lock_examples(const SplatVae& model, const std::vector<LockSet>& sets,
                         const std::vector<NamedLockSolver>& solvers, double budget_ms,
                         std::int64_t count = 6);

}  // namespace neurosplat
