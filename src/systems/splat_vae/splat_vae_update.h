#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>

#include "neurosplat/io/safetensors.h"
#include "neurosplat/systems/splat_vae/splat_vae.h"
#include "neurosplat/systems/splat_vae/splat_vae_config.h"
#include "neurosplat/training/figures.h"
#include "neurosplat/training/optimiser.h"
#include "neurosplat/training/stage_clock.h"

namespace neurosplat {

/// Mean over the pictures [B, 3, S, S] of -10 log10(mean squared error + 1e-6), with a gradient.
at::Tensor mean_psnr_db(const at::Tensor& drawn, const at::Tensor& pictures);

/// The model, its optimiser and its noise: everything that a step changes.
class SplatVaeUpdate {
 public:
  SplatVaeUpdate(const SplatVaeConfig& config, const at::Device& device);
  ~SplatVaeUpdate();

  const SplatVae& model() const { return model_; }
  /// The model to measure, draw and keep: with averaged weights where there is an average. Shares
  /// the weights of model() otherwise; the next step changes it.
  const SplatVae& best_model() const;

  void set_learning_rate(double rate);
  /// One step on float pictures [B, 3, S, S]; the clock learns what each part took. Returns `rec`,
  /// mean squared error, and `kl`, nats, mean over the batch. Throws Error and leaves the weights
  /// as they were when loss or gradient is not finite.
  Figures step(const at::Tensor& pictures, double beta, StageClock& clock);

  /// Adds weights (`model.*`), the optimiser's state and the generator (`random.noise`).
  void save(TensorFile& state) const;
  /// Throws Error when the state is of another model.
  void load(const TensorFile& state);

 private:
  SplatVaeConfig config_;
  at::Device device_;
  bool amp_;
  double rate_ = 0;
  SplatVae model_;
  SplatVae averaged_;  ///< written by best_model()
  at::Generator noise_;
  std::unique_ptr<Optimiser> optimiser_;
};

}  // namespace neurosplat
