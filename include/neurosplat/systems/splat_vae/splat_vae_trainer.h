#pragma once

#include <filesystem>
#include <memory>

#include "neurosplat/systems/splat_vae/splat_vae.h"
#include "neurosplat/systems/splat_vae/splat_vae_config.h"

namespace neurosplat {

/// Trains the splat VAE (docs/neuro-splat.md, "Loss and schedules"): squared error + beta * KL,
/// Adam, clipped gradient. The run gets config.json, loss.csv, metrics.jsonl, recon_###.png and
/// sample_###.png (### the epoch, from 1), model.safetensors and checkpoints/.
class SplatVaeTrainer {
 public:
  /// Opens the data and builds the model. Throws as check(config) and open_pictures() do.
  explicit SplatVaeTrainer(const SplatVaeConfig& config);
  ~SplatVaeTrainer();

  /// Continues the newest checkpoint of the run folder. Throws Error when there is none, or when
  /// the data are others than it was trained on: accepted, an epoch that was begun begins anew.
  /// Throws UsageError in the middle of an epoch for options that change its order.
  void resume(bool accept_changed_data = false);
  /// Starts from these weights, with a fresh optimiser.
  void start_from(const SplatVae& model);

  enum class Outcome { finished, interrupted };
  /// Trains to the last epoch, or until SIGINT or SIGTERM, which end it after the step at hand,
  /// saved. Throws Error when the loss or gradient is not finite; the last checkpoint stays.
  Outcome run();

  /// Mean loss terms of the last epoch, finished or not.
  double last_rec() const;
  double last_kl() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace neurosplat
