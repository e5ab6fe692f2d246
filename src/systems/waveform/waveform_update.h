#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <map>
#include <memory>
#include <set>
#include <string>

#include "neurosplat/metrics/perceptual_loss.h"
#include "neurosplat/systems/waveform/waveform_autoencoder.h"
#include "neurosplat/systems/waveform/waveform_config.h"
#include "neurosplat/training/figures.h"
#include "neurosplat/training/optimiser.h"
#include "neurosplat/training/stage_clock.h"

namespace neurosplat {

/// The networks and what moves them: an optimiser for each phase, of the image's networks, of the
/// waveform's, of all.
class WaveformUpdate {
 public:
  WaveformUpdate(const WaveformConfig& config, const WaveformArchitecture& sizes,
                 const at::Device& device, std::int64_t steps_per_epoch);

  const WaveformAutoencoder& model() const { return model_; }
  double learning_rate() const { return rate_; }
  /// Pictures float32 [B, 3, S, S] in [0, 1], standardised recorded waveforms, and the number of
  /// each one's picture [B], on the device.
  Figures step(const at::Tensor& pictures, const at::Tensor& recorded, const at::Tensor& number,
               StageClock& clock);

  void save(TensorFile& state) const;
  void load(const TensorFile& state);

 private:
  /// Terms by name and their weighted sum.
  struct Loss {
    Figures terms;
    at::Tensor sum;
    void add(const char* name, const at::Tensor& term, double weight);
  };
  at::Tensor picture_loss(const at::Tensor& drawn, const at::Tensor& target) const;
  Loss image_loss(const at::Tensor& pictures);
  Loss waveform_loss(const at::Tensor& pictures, const at::Tensor& recorded,
                     const at::Tensor& number, WaveformPhase phase);
  at::Tensor noisy(const at::Tensor& values, double deviation);

  WaveformConfig config_;
  at::Device device_;
  bool amp_;
  std::int64_t steps_per_epoch_;
  PerceptualLoss perceptual_;
  WaveformAutoencoder model_;
  std::map<WaveformPhase, std::unique_ptr<Optimiser>> optimisers_;
  std::set<std::string> trained_;  // names of weights, without buffers
  at::Generator noise_;
  std::int64_t batches_ = 0;
  double rate_ = 0;
};

/// How far the statistics of two sets of waveforms [B, C, L] are apart: squared differences of the
/// mean, of the covariance of electrodes and of the logarithm of the power spectrum, each averaged.
at::Tensor moments_distance(const at::Tensor& one, const at::Tensor& other);

/// InfoNCE (van den Oord and others 2018) in both directions, temperature .07: rows of `one` [B, d]
/// are to be most alike to the same rows of `other`, by cosine. Rows with one number in `picture`
/// [B] are no rivals.
at::Tensor contrastive_loss(const at::Tensor& one, const at::Tensor& other,
                            const at::Tensor& picture);

}  // namespace neurosplat
