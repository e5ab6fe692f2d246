#pragma once

#include <map>
#include <memory>
#include <string>

#include "neurosplat/systems/waveform/response_data.h"
#include "neurosplat/systems/waveform/waveform_config.h"
#include "neurosplat/training/learner.h"
#include "neurosplat/training/row_batches.h"
#include "systems/waveform/waveform_update.h"

namespace neurosplat {

/// Trains a waveform autoencoder (docs/waveform.md, "Training"). The run gets curves.png,
/// recon_###.png (### the epoch, from 1: pictures, drawn from their latent, from the synthetic
/// waveform, from the recorded one) and model.safetensors.
class WaveformLearner : public Learner {
 public:
  /// Opens the data and builds the model. Throws as check(config) and open_responses() do, and
  /// UsageError for fewer responses than a batch.
  WaveformLearner(const WaveformConfig& config, const at::Device& device);

  std::string kind() const override { return "waveform-ae"; }
  Batches& batches() override { return *batches_; }
  Figures start_epoch(std::int64_t epoch) override;
  Figures step(const Batch& batch, StageClock& clock) override;
  std::string line_of(const Figures& terms) const override;
  EpochReport finish_epoch(std::int64_t epoch, const Figures& means, bool last) override;
  Curves curves() const override;
  void draw(const std::filesystem::path& run, std::int64_t epoch) const override;
  void save(TensorFile& state) const override { update_->save(state); }
  void load(const TensorFile& state) override { update_->load(state); }
  void write_models(const std::filesystem::path& run,
                    const std::map<std::string, std::string>& where) const override;
  void start_from(const std::filesystem::path& model) override;

 private:
  /// The pictures of these frames, some at a time.
  PictureParts parts_of(const at::Tensor& frames) const;
  /// Of rows of a batch or a part: float32 in [0, 1], on the device.
  at::Tensor pictures_of(const at::Tensor& frame) const;

  WaveformConfig config_;
  at::Device device_;
  ResponseData data_;
  ResponseSet measured_;  ///< of the validation part; empty without one
  std::unique_ptr<RowBatches> batches_;
  std::unique_ptr<WaveformUpdate> update_;
};

}  // namespace neurosplat
