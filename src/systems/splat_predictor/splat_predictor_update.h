#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <map>
#include <memory>
#include <string>

#include "neurosplat/io/safetensors.h"
#include "neurosplat/systems/splat_predictor/splat_predictor_config.h"
#include "neurosplat/systems/splat_vae/splat_vae.h"
#include "neurosplat/training/figures.h"
#include "neurosplat/training/optimiser.h"

namespace neurosplat {

/// The model, its Koopman operator, their optimiser and the noise: everything a step changes.
class SplatPredictorUpdate {
 public:
  SplatPredictorUpdate(const SplatPredictorConfig& config, const at::Device& device);

  const SplatVae& model() const { return model_; }
  /// [latent, latent], the next latent being K z; starts as the identity.
  const at::Tensor& koopman() const { return koopman_; }

  /// One step on float pictures [B, 3, S, S] and the ones after them. Returns the terms, none of
  /// them weighted, mean squared errors but for `kl`, nats: `rec` of the frame itself, `pred` of
  /// the next one drawn from K z, `lin` of K mu against the next frame's mu, `persistence` of the
  /// frame as a guess of the next, which is what pred has to beat. Throws Error and leaves the
  /// weights as they were when loss or gradient is not finite.
  Figures step(const at::Tensor& now, const at::Tensor& next, double beta);

  /// What the posterior's mean gives, without gradients, in evaluation mode.
  struct Foresight {
    at::Tensor reconstruction, prediction;  ///< [B, 3, S, S]
  };
  Foresight foresee(const at::Tensor& now) const;

  /// Adds weights (`model.*`, `koopman.weight`), the optimiser's state and the generator.
  void save(TensorFile& state) const;
  /// Throws Error when the state is of another model.
  void load(const TensorFile& state);

 private:
  std::map<std::string, at::Tensor> trainable() const;

  SplatPredictorConfig config_;
  at::Device device_;
  bool amp_;
  SplatVae model_;
  at::Tensor koopman_;
  at::Generator noise_;
  std::unique_ptr<Optimiser> optimiser_;
};

}  // namespace neurosplat
