#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "neurosplat/data/picture_loader.h"
#include "neurosplat/systems/splat_vae/latent_prior.h"
#include "neurosplat/training/learner.h"
#include "neurosplat/training/picture_batches.h"
#include "systems/splat_vae/splat_vae_update.h"

namespace neurosplat {

/// Trains the splat VAE (docs/neuro-splat.md, "Loss and schedules"): squared error + beta * KL,
/// Adam, clipped gradient. Where pictures are held out, as many training pictures are measured in
/// the same way beside them. The run gets curves.png, recon_###.png and sample_###.png (### the
/// epoch, from 1) and model.safetensors.
class SplatVaeLearner : public Learner {
 public:
  /// Opens the data and builds the model. Throws as check(config) and open_pictures() do.
  SplatVaeLearner(const SplatVaeConfig& config, const at::Device& device);
  ~SplatVaeLearner() override;

  std::string kind() const override { return "splat-vae"; }
  Batches& batches() override;
  Figures start_epoch(std::int64_t epoch) override;
  Figures step(const Batch& batch, StageClock& clock) override;
  std::string line_of(const Figures& terms) const override;
  EpochReport finish_epoch(std::int64_t epoch, const Figures& means, bool last) override;
  Curves curves() const override;
  void draw(const std::filesystem::path& run, std::int64_t epoch) const override;
  void save(TensorFile& state) const override;
  void load(const TensorFile& state) override;
  Figures sums_before_names(const TensorFile& state) const override;
  void write_models(const std::filesystem::path& run,
                    const std::map<std::string, std::string>& where) const override;
  void start_from(const std::filesystem::path& model) override;

 private:
  void fit_linear_code(const PictureLoader& loader) const;
  struct Fidelity {
    double psnr_db, sample_psnr_db;
  };
  Fidelity measure(const at::Tensor& pictures) const;
  void add_fidelities(EpochReport& report) const;
  std::optional<LatentPrior> fitted_prior() const;

  SplatVaeConfig config_;
  at::Device device_;
  SplatVaeUpdate update_;
  std::map<std::string, std::string> trained_on_;  ///< for the model's metadata
  std::unique_ptr<PictureBatches> batches_;
  at::Tensor held_out_;               ///< uint8 [K, 3, S, S], or undefined
  at::Tensor trained_;                ///< as many that are trained on, as they are; or undefined
  at::Tensor shown_;                  ///< float [<= 32, 3, S, S] for recon_###.png
  at::Tensor latents_;                ///< [64, latent] for sample_###.png
  std::optional<LatentPrior> prior_;  ///< of the weights as they are after the last epoch
  double beta_ = 0, rate_ = 0;
};

}  // namespace neurosplat
