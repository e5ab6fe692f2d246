#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>

#include "neurosplat/io/safetensors.h"
#include "neurosplat/metrics/perceptual_loss.h"
#include "neurosplat/systems/patch_flow/patch_flow.h"
#include "neurosplat/systems/patch_flow/patch_flow_config.h"
#include "neurosplat/systems/patch_flow/picture_description.h"
#include "neurosplat/training/figures.h"
#include "neurosplat/training/optimiser.h"
#include "neurosplat/training/stage_clock.h"

namespace neurosplat {

/// Pictures in [0, 1] to what the flow knows, about [-1, 1], and back, clamped.
at::Tensor signed_of(const at::Tensor& pictures);
at::Tensor unit_of(const at::Tensor& pictures);

/// Times [count] in [0, 1) as `times` has them (PatchFlowConfig), drawn on the CPU.
at::Tensor draw_times(const std::string& times, std::int64_t count, const at::Generator& generator);

/// Weights of squared errors at times [B] (PatchFlowConfig::weight).
at::Tensor error_weights(const std::string& weight, const at::Tensor& times);

/// Weights of vision and semantic, [count, 2], as training draws them: none for a share `dropout`
/// of the pictures; of the others each condition is left out of as many where there are two. Two
/// that are left weigh w and 1 - w, w uniform in [0, 1), so that every mix that adds up to 1 is
/// known; one weighs 1. Conditions that the model does not take weigh 0.
at::Tensor draw_condition_weights(const PatchFlowArchitecture& sizes, double dropout,
                                  std::int64_t count, const at::Generator& generator);

/// The model, its optimiser and its noise: everything that a step changes.
class PatchFlowUpdate {
 public:
  /// `steps` is the length of the whole schedule.
  PatchFlowUpdate(const PatchFlowConfig& config, const at::Device& device, std::int64_t steps);
  ~PatchFlowUpdate();

  const PatchFlow& model() const { return model_; }
  /// The model to measure, draw and keep: with averaged weights where there is an average. Shares
  /// the weights of model() otherwise; the next step changes it.
  const PatchFlow& best_model() const;
  double learning_rate() const { return rate_; }
  /// The conditions of pictures, see fit_standards().
  const PictureDescription& describe() const { return describe_; }

  /// One step on float pictures [B, 3, S, S] in [0, 1]. Returns `mse`, the mean squared error of
  /// the foretold picture in [-1, 1], and `loss`, the same weighted by time and with the perceptual
  /// term, which stands beside them as `perceptual` where there is one. Throws Error and leaves the
  /// weights as they were when loss or gradient is not finite.
  Figures step(const at::Tensor& pictures, StageClock& clock);

  /// Adds weights (`model.*`), the optimiser's state and the generator (`random.noise`).
  void save(TensorFile& state) const;
  /// Throws Error when the state is of another model.
  void load(const TensorFile& state);

 private:
  Conditions conditions_of(const at::Tensor& pictures);

  PatchFlowConfig config_;
  at::Device device_;
  bool amp_;
  std::int64_t steps_;
  double rate_ = 0;
  PerceptualLoss perceptual_;
  PatchFlow model_;
  PatchFlow averaged_;  ///< written by best_model()
  PictureDescription describe_;
  at::Generator noise_;
  std::unique_ptr<Optimiser> optimiser_;
};

}  // namespace neurosplat
