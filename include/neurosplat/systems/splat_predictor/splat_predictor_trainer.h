#pragma once

#include <memory>

#include "neurosplat/io/frame_source.h"
#include "neurosplat/systems/splat_predictor/splat_predictor_config.h"

namespace neurosplat {

/// Trains a splat VAE to foresee: with z drawn from the posterior of x_t and K the operator,
///   MSE(draw(z), x_t) + w_pred MSE(draw(K z), x_t+1) + w_lin MSE(K mu_t, mu_t+1) + beta KL,
/// mu_t+1 without a gradient; docs/neuro-splat.md, "Splat predictor". The run gets config.json,
/// loss.csv, metrics.jsonl (with the persistence error beside pred), pred_###.png (rows: frame,
/// reconstruction, predicted next, true next), model.safetensors, koopman.safetensors and
/// checkpoints/.
class SplatPredictorTrainer {
 public:
  /// Reads the frames and builds the model. Throws as check(config) and FramePairs do.
  SplatPredictorTrainer(const SplatPredictorConfig& config, FrameSource& source);
  ~SplatPredictorTrainer();

  /// Continues the newest checkpoint of the run folder. Throws Error when there is none, or when
  /// the data are others than it was trained on: accepted, an epoch that was begun begins anew.
  /// Throws UsageError in the middle of an epoch for options that change its order.
  void resume(bool accept_changed_data = false);

  enum class Outcome { finished, interrupted };
  /// Trains to the last epoch, or until SIGINT or SIGTERM, which end it after the step at hand,
  /// saved. Throws Error when the loss or gradient is not finite; the last checkpoint stays.
  Outcome run();

  /// Mean loss terms of the last epoch, finished or not.
  struct Means {
    double rec = 0, pred = 0, lin = 0, kl = 0, persistence = 0;
  };
  Means last() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace neurosplat
