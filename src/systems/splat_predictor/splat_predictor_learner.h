#pragma once

#include <map>
#include <memory>
#include <string>

#include "neurosplat/data/frame_pairs.h"
#include "neurosplat/io/frame_source.h"
#include "neurosplat/training/learner.h"
#include "systems/splat_predictor/splat_predictor_update.h"

namespace neurosplat {

/// Trains a splat VAE to foresee: with z drawn from the posterior of x_t and K the operator,
///   MSE(draw(z), x_t) + w_pred MSE(draw(K z), x_t+1) + w_lin MSE(K mu_t, mu_t+1) + beta KL,
/// mu_t+1 without a gradient; docs/neuro-splat.md, "Splat predictor". The run gets pred_###.png
/// (rows: frame, reconstruction, predicted next, true next), model.safetensors and
/// koopman.safetensors; metrics.jsonl has the persistence error beside pred.
class SplatPredictorLearner : public Learner {
 public:
  /// Reads the frames and builds the model. Throws as check(config) and FramePairs do.
  SplatPredictorLearner(const SplatPredictorConfig& config, const at::Device& device,
                        FrameSource& source);
  ~SplatPredictorLearner() override;

  std::string kind() const override { return "splat-predictor"; }
  Batches& batches() override;
  Figures start_epoch(std::int64_t epoch) override;
  Figures step(const Batch& batch, StageClock& clock) override;
  std::vector<std::string> terms_in_table(const Figures&) const override { return {"rec", "kl"}; }
  std::string line_of(const Figures& terms) const override;
  EpochReport finish_epoch(std::int64_t epoch, const Figures& means, bool last) override;
  Curves curves() const override;
  void draw(const std::filesystem::path& run, std::int64_t epoch) const override;
  void save(TensorFile& state) const override { update_.save(state); }
  void load(const TensorFile& state) override { update_.load(state); }
  Figures sums_before_names(const TensorFile& state) const override;
  void write_models(const std::filesystem::path& run,
                    const std::map<std::string, std::string>& where) const override;

 private:
  class PairBatches;
  struct HeldOut {
    double pred, persistence;
  };
  HeldOut measure_held_out() const;

  SplatPredictorConfig config_;
  at::Device device_;
  SplatPredictorUpdate update_;
  std::unique_ptr<PairBatches> batches_;
  double beta_ = 0;
};

}  // namespace neurosplat
