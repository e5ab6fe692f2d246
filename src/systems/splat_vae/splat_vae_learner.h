#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>

#include "neurosplat/io/safetensors.h"
#include "neurosplat/systems/splat_vae/splat_vae.h"
#include "neurosplat/systems/splat_vae/splat_vae_config.h"
#include "neurosplat/training/named_adam.h"
#include "neurosplat/training/stage_clock.h"

namespace neurosplat {

/// Mean squared error and KL divergence (nats, batch mean) of one step.
struct StepLoss {
  double rec, kl;
};

/// The model, its optimiser and its noise: everything that a step changes.
class SplatVaeLearner {
 public:
  explicit SplatVaeLearner(const SplatVaeConfig& config, const at::Device& device);
  ~SplatVaeLearner();

  const SplatVae& model() const { return model_; }
  bool amp() const { return amp_; }

  void set_learning_rate(double rate);
  /// One step on float pictures [B, 3, S, S]; the clock learns what each part took. Throws Error
  /// and leaves the weights as they were when loss or gradient is not finite.
  StepLoss step(const at::Tensor& pictures, double beta, StageClock& clock);

  /// Weights (`model.*`), Adam's moments (`adam.*`) and the generator (`random.noise`).
  TensorFile state() const;
  /// Throws Error when the state is of another model.
  void load_state(const TensorFile& state);

 private:
  SplatVaeConfig config_;
  at::Device device_;
  bool amp_;
  SplatVae model_;
  at::Generator noise_;
  std::unique_ptr<NamedAdam> optimiser_;
};

}  // namespace neurosplat
