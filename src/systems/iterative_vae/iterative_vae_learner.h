#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "neurosplat/data/patch_set.h"
#include "neurosplat/systems/iterative_vae/iterative_vae_config.h"
#include "neurosplat/training/learner.h"
#include "neurosplat/training/row_batches.h"
#include "systems/iterative_vae/iterative_vae_update.h"

namespace neurosplat {

/// Trains an iterative VAE: for each batch, T steps of inference and one of Adamax through all of
/// them; docs/iterative-vae.md. The run gets recon_###.png (rows: validation patches, after T
/// steps, after 128), dictionary_###.png for linear decoders and model.safetensors; metrics.jsonl
/// has R^2, zeros and the last change of held-out inference.
class IterativeVaeLearner : public Learner {
 public:
  /// Reads the patches and builds the model. Throws as check(config) and open_patches() do.
  IterativeVaeLearner(const IterativeVaeConfig& config, const at::Device& device);

  std::string kind() const override { return "iterative-vae"; }
  Batches& batches() override { return *batches_; }
  Figures start_epoch(std::int64_t) override { return {}; }
  Figures step(const Batch& batch, StageClock& clock) override;
  std::vector<std::string> terms_in_table(const Figures& terms) const override;
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
  IterativeVaeConfig config_;
  at::Device device_;
  PatchSet patches_;
  at::Tensor held_out_;
  std::unique_ptr<RowBatches> batches_;
  std::unique_ptr<IterativeVaeUpdate> update_;
};

}  // namespace neurosplat
