#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "neurosplat/io/safetensors.h"
#include "neurosplat/systems/hierarchical_vae/hierarchical_vae.h"
#include "neurosplat/systems/hierarchical_vae/hierarchical_vae_config.h"
#include "neurosplat/training/figures.h"
#include "neurosplat/training/optimiser.h"
#include "neurosplat/training/stage_clock.h"

namespace neurosplat {

/// The model, its optimiser and its noise: everything that a step changes.
class HierarchicalVaeUpdate {
 public:
  HierarchicalVaeUpdate(const HierarchicalVaeConfig& config, const at::Device& device,
                        std::int64_t steps_per_epoch);
  ~HierarchicalVaeUpdate();

  const HierarchicalVae& model() const { return model_; }
  /// The model to measure, draw and keep: with averaged weights where there is an average.
  const HierarchicalVae& best_model() const;
  double learning_rate() const { return rate_; }
  /// Weight of the KL divergence at a step, from 0 over the whole run.
  double kl_weight(std::int64_t step) const;

  /// One step on float pictures [B, 3, T, T] in [0, 1], T at least the model's side: of each batch
  /// a square somewhere in it is taken. Returns, in bits per dimension, `bits` and its parts `rec`
  /// and `kl`; `coarse`, the squared error of the pictures that are drawn from coarse blocks alone;
  /// what was minimised, `loss`; `gradient`, its norm, and `skipped`, 1 where that was too large.
  /// Throws Error and leaves the weights as they were when loss or gradient is not finite.
  Figures step(const at::Tensor& pictures, StageClock& clock);

  void save(TensorFile& state) const;
  void load(const TensorFile& state);

 private:
  at::Tensor varied(const at::Tensor& pictures) const;
  /// Terms by name, and a sum to be minimised over pictures, bits per dimension.
  struct Part {
    Figures terms;
    at::Tensor sum;
  };
  Part whole_part(const at::Tensor& pictures);
  Part coarse_part(const at::Tensor& pictures);
  at::Tensor cost_of(const std::vector<at::Tensor>& kl) const;
  double bit() const;
  void move(const at::Tensor& loss, Figures& terms, StageClock& clock);

  HierarchicalVaeConfig config_;
  at::Device device_;
  bool amp_;
  std::int64_t steps_per_epoch_;
  double rate_ = 0;
  HierarchicalVae model_;
  HierarchicalVae averaged_;  ///< written by best_model()
  at::Generator noise_;
  std::unique_ptr<Optimiser> optimiser_;
  std::int64_t batches_ = 0;
};

/// Pictures [B, 3, S, S] with those in grey where `grey` [B] says so (ITU-R BT.601).
at::Tensor greyed(const at::Tensor& pictures, const at::Tensor& grey);

}  // namespace neurosplat
