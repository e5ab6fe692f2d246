#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "neurosplat/io/safetensors.h"
#include "neurosplat/systems/iterative_vae/iterative_vae.h"
#include "neurosplat/systems/iterative_vae/iterative_vae_config.h"
#include "neurosplat/training/figures.h"
#include "neurosplat/training/optimiser.h"
#include "systems/iterative_vae/loop/loop.h"

namespace neurosplat {

/// The model, its optimiser and where its schedules stand: everything that a step changes.
class IterativeVaeUpdate {
 public:
  /// `batches`: of the whole run, which the schedules span. Throws UsageError where the fused loop
  /// is asked for and cannot be.
  IterativeVaeUpdate(const IterativeVaeConfig& config, std::int64_t pixels, std::int64_t batches,
                     const at::Device& device);

  const IterativeVae& model() const { return model_; }

  /// One batch of pictures [B, pixels]: T steps of inference and a step of the optimiser, as often
  /// as n_iters_outer says. Returns means over the steps: `nelbo` of all frames, `nelbo_first` and
  /// `nelbo_last`, `nll` and `kl` of all, nats a picture, all but kl weighted by beta and all
  /// scaled to 256 pixels; `beta`, `temperature`, `largest_rate`, `arrivals`, `gradient`. Throws
  /// Error and leaves the weights as they were when loss or gradient is not finite.
  Figures step(const at::Tensor& x);

  bool fused() const { return fused_; }

  /// Adds weights (`model.*`), the optimiser's state, the count of batches and of arrivals.
  void save(TensorFile& state) const;
  /// Throws Error when the state is of another model.
  void load(const TensorFile& state);

 private:
  ivae::LoopSettings settings() const;
  double learning_rate(double share) const;
  ivae::LoopResult run_loop(const at::Tensor& x, const InferenceState& state,
                            const ivae::LoopSettings& settings) const;
  void note_rates(const std::vector<float>& largest_log_rate);

  IterativeVaeConfig config_;
  std::int64_t batches_;
  bool fused_;
  IterativeVae model_;
  std::unique_ptr<Optimiser> optimiser_;
  std::int64_t done_ = 0;           ///< batches
  std::vector<float> largest_;      ///< log-rate of each sample since `most_` was set
  std::vector<std::int32_t> most_;  ///< arrivals of each sample
};

}  // namespace neurosplat
