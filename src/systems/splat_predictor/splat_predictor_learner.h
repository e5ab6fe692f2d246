#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <map>
#include <memory>
#include <string>

#include "neurosplat/io/safetensors.h"
#include "neurosplat/systems/splat_predictor/splat_predictor_config.h"
#include "neurosplat/systems/splat_vae/splat_vae.h"
#include "neurosplat/training/named_adam.h"

namespace neurosplat {

/// The terms of one step, none of them weighted; mean squared errors but for kl, nats.
struct PredictorLoss {
  double rec;   ///< of the frame itself
  double pred;  ///< of the next frame, drawn from K z
  double lin;   ///< of K mu against the next frame's mu
  double kl;
  double persistence;  ///< of the frame as a guess of the next: what pred has to beat
};

/// The model, its Koopman operator, their optimiser and the noise: everything a step changes.
class SplatPredictorLearner {
 public:
  SplatPredictorLearner(const SplatPredictorConfig& config, const at::Device& device);

  const SplatVae& model() const { return model_; }
  /// [latent, latent], the next latent being K z; starts as the identity.
  const at::Tensor& koopman() const { return koopman_; }

  /// One step on float pictures [B, 3, S, S] and the ones after them. Throws Error and leaves the
  /// weights as they were when loss or gradient is not finite.
  PredictorLoss step(const at::Tensor& now, const at::Tensor& next, double beta);

  /// What the posterior's mean gives, without gradients, in evaluation mode.
  struct Foresight {
    at::Tensor reconstruction, prediction;  ///< [B, 3, S, S]
  };
  Foresight foresee(const at::Tensor& now) const;

  /// Weights (`model.*`, `koopman.weight`), Adam's moments and the generator.
  TensorFile state() const;
  /// Throws Error when the state is of another model.
  void load_state(const TensorFile& state);

 private:
  std::map<std::string, at::Tensor> trainable() const;

  SplatPredictorConfig config_;
  at::Device device_;
  bool amp_;
  SplatVae model_;
  at::Tensor koopman_;
  at::Generator noise_;
  std::unique_ptr<NamedAdam> optimiser_;
};

}  // namespace neurosplat
