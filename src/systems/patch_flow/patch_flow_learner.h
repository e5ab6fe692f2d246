#pragma once

#include <map>
#include <memory>
#include <string>

#include "neurosplat/systems/patch_flow/patch_flow_config.h"
#include "neurosplat/training/learner.h"
#include "neurosplat/training/picture_batches.h"
#include "systems/patch_flow/patch_flow_update.h"

namespace neurosplat {

/// Trains a patch flow (docs/patch-flow.md, "Training"). The run gets curves.png, sample_###.png
/// (### the epoch, from 1: noise, then what is foretold at every fourth of 64 steps, a column a
/// picture, below it what it was told of) and model.safetensors.
class PatchFlowLearner : public Learner {
 public:
  /// Opens the data and builds the model. Throws as check(config) and open_pictures() do, and
  /// UsageError for fewer pictures than a batch.
  PatchFlowLearner(const PatchFlowConfig& config, const at::Device& device);

  std::string kind() const override { return "patch-flow"; }
  Batches& batches() override { return *batches_; }
  Figures start_epoch(std::int64_t) override { return {}; }
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
  void prepare_conditions();
  double error_of(const at::Tensor& pictures) const;
  Conditions conditions_of_samples(std::int64_t count) const;

  PatchFlowConfig config_;
  at::Device device_;
  std::map<std::string, std::string> trained_on_;  ///< for the model's metadata
  std::unique_ptr<PictureBatches> batches_;
  std::unique_ptr<PatchFlowUpdate> update_;
  at::Tensor held_out_;   ///< uint8 [K, 3, S, S], or undefined
  at::Tensor trained_;    ///< as many that are trained on; or undefined
  at::Tensor described_;  ///< uint8, what samples are told, or undefined without conditions
};

}  // namespace neurosplat
