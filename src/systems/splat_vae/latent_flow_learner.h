#pragma once

#include <ATen/core/Generator.h>

#include <map>
#include <memory>
#include <string>

#include "neurosplat/systems/splat_vae/latent_flow_config.h"
#include "neurosplat/systems/splat_vae/model_file.h"
#include "neurosplat/training/learner.h"
#include "neurosplat/training/optimiser.h"
#include "neurosplat/training/row_batches.h"

namespace neurosplat {

/// Trains the flow of a splat VAE's latents (docs/flowers.md, "Priors"). The pictures are encoded
/// once; each step draws latents from their posteriors. The run gets curves.png, sample_###.png
/// (pictures drawn from the flow, ### the epoch) and model.safetensors: the splat VAE, its Gaussian
/// and the flow.
class LatentFlowLearner : public Learner {
 public:
  /// `vae` is the one that config.model names. Throws as check(config) and open_pictures() do,
  /// UsageError where the model was trained on other splits than those asked for, Error where it
  /// was trained on other pictures than lie there or they are too few to fit its Gaussian to.
  LatentFlowLearner(const LatentFlowConfig& config, DescribedSplatVae vae,
                    const at::Device& device);

  std::string kind() const override { return "latent-flow"; }
  Batches& batches() override { return *batches_; }
  Figures start_epoch(std::int64_t) override { return {}; }
  Figures step(const Batch& batch, StageClock& clock) override;
  std::string line_of(const Figures& terms) const override;
  EpochReport finish_epoch(std::int64_t epoch, const Figures& means, bool last) override;
  Curves curves() const override;
  void draw(const std::filesystem::path& run, std::int64_t epoch) const override;
  void save(TensorFile& state) const override;
  void load(const TensorFile& state) override;
  void write_models(const std::filesystem::path& run,
                    const std::map<std::string, std::string>& where) const override;
  void start_from(const std::filesystem::path& model) override;

 private:
  /// What is measured, drawn and kept.
  const LatentFlow& best_flow() const;
  double error_of(const Posterior& posteriors) const;

  LatentFlowConfig config_;
  at::Device device_;
  DescribedSplatVae vae_;
  std::map<std::string, std::string> trained_on_;  ///< for the model's metadata
  std::unique_ptr<RowBatches> batches_;
  Posterior held_out_, trained_;  ///< what is measured on, or undefined
  LatentFlow flow_, averaged_;
  std::unique_ptr<Optimiser> optimiser_;
  at::Generator noise_;
  std::int64_t steps_ = 0;  ///< that the schedule spans
};

}  // namespace neurosplat
