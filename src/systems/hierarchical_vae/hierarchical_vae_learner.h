#pragma once

#include <map>
#include <memory>
#include <string>

#include "neurosplat/systems/hierarchical_vae/hierarchical_vae_config.h"
#include "neurosplat/training/learner.h"
#include "neurosplat/training/picture_batches.h"
#include "systems/hierarchical_vae/hierarchical_vae_update.h"

namespace neurosplat {

/// Trains a hierarchical VAE (docs/hierarchical-vae.md, "Training"). The run gets curves.png,
/// recon_###.png (### the epoch, from 1: pictures, drawn from the latents of maps of up to S/16,
/// S/8 and S/4 pixels a side, from all), sample_###.png and model.safetensors.
class HierarchicalVaeLearner : public Learner {
 public:
  /// Opens the data and builds the model. Throws as check(config) and open_pictures() do.
  HierarchicalVaeLearner(const HierarchicalVaeConfig& config, const at::Device& device);

  std::string kind() const override { return "hierarchical-vae"; }
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
  /// Means over pictures.
  struct Fidelity {
    double bits = 0, psnr_db = 0, coarse_psnr_db = 0;
  };
  Fidelity measure(const at::Tensor& pictures) const;

  HierarchicalVaeConfig config_;
  at::Device device_;
  std::unique_ptr<PictureBatches> batches_;
  std::unique_ptr<HierarchicalVaeUpdate> update_;
  std::map<std::string, std::string> trained_on_;  ///< for the model's metadata
  at::Tensor held_out_;                            ///< uint8 [K, 3, S, S], or undefined
  at::Tensor shown_;                               ///< float [<= 12, 3, S, S]
};

}  // namespace neurosplat
