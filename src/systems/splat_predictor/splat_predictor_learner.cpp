#include "systems/splat_predictor/splat_predictor_learner.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "neurosplat/core/log.h"
#include "neurosplat/core/text.h"
#include "neurosplat/data/picture_loader.h"
#include "neurosplat/figure/picture_grid.h"
#include "neurosplat/io/image_file.h"
#include "neurosplat/processes/process_group.h"
#include "neurosplat/systems/splat_predictor/koopman_file.h"
#include "neurosplat/systems/splat_vae/model_file.h"
#include "neurosplat/training/checkpoint.h"
#include "neurosplat/training/saved_state.h"

namespace neurosplat {
namespace {

constexpr std::int64_t kShownPairs = 8;
/// Held-out pairs measured at most, and at a time.
constexpr std::int64_t kMeasuredPairs = 256, kEvaluationBatch = 32;

const SplatPredictorConfig& checked(const SplatPredictorConfig& config) {
  check(config);
  return config;
}

FramePairOptions pair_options(const SplatPredictorConfig& config) {
  return {.side = config.image_size,
          .batch = config.batch,
          .part = processes::place().rank,
          .parts = processes::count(),
          .stride = config.stride,
          .max_frames = config.max_frames,
          .held_out = config.held_out,
          .seed = static_cast<std::uint64_t>(config.seed)};
}

}  // namespace

class SplatPredictorLearner::PairBatches : public Batches {
 public:
  PairBatches(const SplatPredictorConfig& config, FrameSource& source)
      : size_(config.batch), pairs_(source, pair_options(config)) {}

  std::int64_t count() const override { return pairs_.batches(); }
  std::int64_t size() const override { return size_; }
  std::string unit() const override { return "pairs"; }
  std::string hash() const override { return pairs_.hash(); }
  std::vector<std::string> order_options() const override {
    return {"batch", "seed", "stride", "held_out"};
  }
  void start_epoch(std::int64_t epoch, std::int64_t first) override {
    pairs_.start_epoch(epoch, first);
  }
  std::optional<Batch> next() override {
    const auto pairs = pairs_.next();
    if (!pairs) return std::nullopt;
    return Batch{pairs->now, pairs->next};
  }
  const FramePairs& pairs() const { return pairs_; }

 private:
  std::int64_t size_;
  FramePairs pairs_;
};

SplatPredictorLearner::SplatPredictorLearner(const SplatPredictorConfig& config,
                                             const at::Device& device, FrameSource& source)
    : config_(checked(config)), device_(device), update_(config, device) {
  batches_ = std::make_unique<PairBatches>(config, source);
  const auto& pairs = batches_->pairs();
  log::info(text(source.description(), ": ", pairs.frames(), " frames, ", pairs.size(),
                 " pairs to train on, ", pairs.held_out(), " held out"));
}

SplatPredictorLearner::~SplatPredictorLearner() = default;

Batches& SplatPredictorLearner::batches() {
  return *batches_;
}

Figures SplatPredictorLearner::start_epoch(std::int64_t epoch) {
  beta_ = beta_in_epoch(config_, epoch);
  update_.model().train(true);
  return {{"beta", beta_}};
}

Figures SplatPredictorLearner::step(const Batch& batch, StageClock&) {
  return update_.step(to_unit_range(batch[0], device_), to_unit_range(batch[1], device_), beta_);
}

std::string SplatPredictorLearner::line_of(const Figures& terms) const {
  return text("rec ", fixed(figure(terms, "rec"), 5), ", pred ", fixed(figure(terms, "pred"), 5),
              " (copying the frame ", fixed(figure(terms, "persistence"), 5), "), lin ",
              fixed(figure(terms, "lin"), 4), ", KL ", fixed(figure(terms, "kl"), 2), " nats");
}

EpochReport SplatPredictorLearner::finish_epoch(std::int64_t, const Figures& means, bool) {
  EpochReport report{{{"rec", figure(means, "rec")},
                      {"pred", figure(means, "pred")},
                      {"persistence", figure(means, "persistence")},
                      {"lin", figure(means, "lin")},
                      {"kl_nats", figure(means, "kl")},
                      {"beta", beta_},
                      {"lr", config_.lr}},
                     line_of(means)};
  if (batches_->pairs().held_out() == 0) return report;
  const auto [pred, persistence] = measure_held_out();
  report.metrics["held_out_pred"] = pred;
  report.metrics["held_out_persistence"] = persistence;
  report.line += text(", held-out pred ", fixed(pred, 5), " (copy ", fixed(persistence, 5), ")");
  return report;
}

Curves SplatPredictorLearner::curves() const {
  return {"squared error of the next frame",
          {{"pred", "training pairs"},
           {"held_out_pred", "held-out pairs"},
           {"held_out_persistence", "copying the frame"}}};
}

SplatPredictorLearner::HeldOut SplatPredictorLearner::measure_held_out() const {
  const auto measured = batches_->pairs().spread(kMeasuredPairs, /*held_out=*/true);
  const auto count = measured.now.size(0);
  HeldOut means{};
  for (std::int64_t first = 0; first < count; first += kEvaluationBatch) {
    const auto part = std::min(kEvaluationBatch, count - first);
    const auto now = to_unit_range(measured.now.narrow(0, first, part), device_);
    const auto next = to_unit_range(measured.next.narrow(0, first, part), device_);
    const double share = static_cast<double>(part) / static_cast<double>(count);
    means.pred += share * at::mse_loss(update_.foresee(now).prediction, next).item<double>();
    means.persistence += share * at::mse_loss(now, next).item<double>();
  }
  return means;
}

void SplatPredictorLearner::draw(const std::filesystem::path& run, std::int64_t epoch) const {
  const auto& pairs = batches_->pairs();
  const auto shown = pairs.spread(kShownPairs, pairs.held_out() > 0);
  const auto now = to_unit_range(shown.now, device_), next = to_unit_range(shown.next, device_);
  const auto seen = update_.foresee(now);
  write_png(sheet_path(run, "pred", epoch),
            picture_grid(at::cat({now, seen.reconstruction, seen.prediction, next}), now.size(0)));
}

Figures SplatPredictorLearner::sums_before_names(const TensorFile& state) const {
  const auto rec = number_in(state, "rec_sum"), kl = number_in(state, "kl_sum");
  if (!rec || !kl) return {};
  const auto rest = find_in_state(state, "epoch.sums", {3}).to(at::kDouble);
  const auto of = [&](std::int64_t i) { return rest[i].item<double>(); };
  return {{"rec", *rec}, {"pred", of(0)}, {"lin", of(1)}, {"kl", *kl}, {"persistence", of(2)}};
}

void SplatPredictorLearner::write_models(const std::filesystem::path& run,
                                         const std::map<std::string, std::string>& where) const {
  save_splat_vae(run / "model.safetensors", update_.model(), where);
  save_koopman(run / "koopman.safetensors", update_.koopman(), where);
}

}  // namespace neurosplat
