#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "neurosplat/io/frame_source.h"
#include "neurosplat/live/live_loop.h"
#include "neurosplat/systems/cortex/agreement_cortex.h"
#include "neurosplat/systems/lock/lock_solver.h"
#include "neurosplat/systems/splat_vae/splat_vae.h"

namespace neurosplat {

/// A recording that is played again. N pictures, U units.
struct Replayed {
  at::Tensor pictures;   ///< uint8 [N, 3, S, S], as they were shown
  at::Tensor responses;  ///< float [N, U]
  at::Tensor latents;  ///< float32 [N, latent] of a splat VAE, decoded without the picture's group
};

/// The pictures as frames, named by their number from 1 on.
std::unique_ptr<FrameSource> replay_source(const at::Tensor& pictures, double frames_per_second);

struct ReplaySettings {
  double budget_ms = 40;  ///< of the lock, for each frame
  CortexSettings cortex;
};

/// What was recorded when a picture was seen becomes the prior of it: latents decoded from spikes
/// give packets, their picture is the gist that the agreement cortex corrects with the retina, and
/// their packets are where the lock begins. Six panels: the picture shown, spikes of the last
/// pictures, the decoded prior; percept, surprise, locked.
class LiveReplay {
 public:
  static constexpr std::int64_t kRasterPictures = 64;

  /// Throws UsageError for latents of another model and settings that cannot be.
  LiveReplay(const SplatVae& model, Replayed recorded, const ReplaySettings& settings);

  /// A frame of replay_source(). Its numbers are those of replay_columns().
  SeenFrame see(const Frame& frame);
  void reset();

  /// The decoded prior of a picture, [3, S, S] of the model's size.
  at::Tensor prior_of(std::int64_t picture) const;

 private:
  at::Tensor raster(std::int64_t picture) const;

  SplatVae model_;
  Replayed recorded_;
  double budget_ms_;
  AgreementCortex cortex_;
  std::unique_ptr<LockSolver> solver_;
  at::Tensor most_;  ///< [U], the largest response of each unit
};

/// prior_psnr_db, percept_psnr_db (grey), locked_psnr_db.
std::vector<LiveColumn> replay_columns();

}  // namespace neurosplat
