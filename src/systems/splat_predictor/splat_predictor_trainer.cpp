#include "neurosplat/systems/splat_predictor/splat_predictor_trainer.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>

#include "neurosplat/core/device.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/interrupt.h"
#include "neurosplat/core/log.h"
#include "neurosplat/core/progress.h"
#include "neurosplat/core/text.h"
#include "neurosplat/data/frame_pairs.h"
#include "neurosplat/data/picture_loader.h"
#include "neurosplat/figure/picture_grid.h"
#include "neurosplat/io/image_file.h"
#include "neurosplat/systems/splat_predictor/koopman_file.h"
#include "neurosplat/systems/splat_vae/model_file.h"
#include "neurosplat/training/checkpoint.h"
#include "neurosplat/training/run_log.h"
#include "neurosplat/training/training_run.h"
#include "systems/splat_predictor/splat_predictor_learner.h"

namespace neurosplat {
namespace {

constexpr std::int64_t kShownPairs = 8;
/// Held-out pairs measured at most, and at a time.
constexpr std::int64_t kMeasuredPairs = 256, kEvaluationBatch = 32;
/// Sums of pred, lin and persistence over the epoch, beside those of the position.
const std::string kSums = "epoch.sums";

FramePairOptions pair_options(const SplatPredictorConfig& config) {
  return {.side = config.image_size,
          .batch = config.batch,
          .stride = config.stride,
          .max_frames = config.max_frames,
          .held_out = config.held_out,
          .seed = static_cast<std::uint64_t>(config.seed)};
}

}  // namespace

struct SplatPredictorTrainer::State {
  State(const SplatPredictorConfig& given, FrameSource& source)
      : config(given),
        device(device_from_name(given.device)),
        pairs(source, pair_options(given)),
        learner(given, device),
        order(order_makers(given, {"batch", "seed", "stride", "held_out"}, pairs.hash())),
        checkpoints(given.out),
        log(given.out) {}

  void save();
  void write_pictures(std::int64_t epoch) const;
  struct HeldOut {
    double pred, persistence;
  };
  HeldOut measure_held_out() const;
  void begin_epoch(std::int64_t epoch) {
    position = {.epoch = epoch, .step = position.step};
    sums.zero_();
  }
  bool run_epoch();
  PredictorLoss guarded_step(const FramePairs::Pairs& batch, double beta);
  void finish_epoch(double seconds, std::int64_t steps);
  void sum(const PredictorLoss& loss);
  Means means() const;

  SplatPredictorConfig config;
  at::Device device;
  FramePairs pairs;
  SplatPredictorLearner learner;
  OrderMakers order;
  CheckpointFolder checkpoints;
  RunLog log;
  TrainingPosition position;
  at::Tensor sums = at::zeros({3}, at::kDouble);
  Means last;
  double seconds_trained = 0;
  std::int64_t epochs_trained = 0;
};

void SplatPredictorTrainer::State::save() {
  auto state = learner.state();
  state.tensors[kSums] = sums;
  note(order, state);
  checkpoints.save(std::move(state), position);
  const std::map<std::string, std::string> more = {{"epoch", std::to_string(position.epoch)},
                                                   {"step", std::to_string(position.step)}};
  save_splat_vae(config.out / "model.safetensors", learner.model(), more);
  save_koopman(config.out / "koopman.safetensors", learner.koopman(), more);
}

void SplatPredictorTrainer::State::write_pictures(std::int64_t epoch) const {
  const auto shown = pairs.spread(kShownPairs, pairs.held_out() > 0);
  const auto now = to_unit_range(shown.now, device), next = to_unit_range(shown.next, device);
  const auto seen = learner.foresee(now);
  char name[32];
  std::snprintf(name, sizeof name, "pred_%03lld.png", static_cast<long long>(epoch));
  write_png(config.out / name,
            picture_grid(at::cat({now, seen.reconstruction, seen.prediction, next}), now.size(0)));
}

SplatPredictorTrainer::State::HeldOut SplatPredictorTrainer::State::measure_held_out() const {
  const auto measured = pairs.spread(kMeasuredPairs, /*held_out=*/true);
  const auto count = measured.now.size(0);
  HeldOut sums_of{};
  for (std::int64_t first = 0; first < count; first += kEvaluationBatch) {
    const auto part = std::min(kEvaluationBatch, count - first);
    const auto now = to_unit_range(measured.now.narrow(0, first, part), device);
    const auto next = to_unit_range(measured.next.narrow(0, first, part), device);
    const double share = static_cast<double>(part) / static_cast<double>(count);
    sums_of.pred += share * at::mse_loss(learner.foresee(now).prediction, next).item<double>();
    sums_of.persistence += share * at::mse_loss(now, next).item<double>();
  }
  return sums_of;
}

PredictorLoss SplatPredictorTrainer::State::guarded_step(const FramePairs::Pairs& batch,
                                                         double beta) {
  try {
    return learner.step(to_unit_range(batch.now, device), to_unit_range(batch.next, device), beta);
  } catch (const Error& error) {
    throw Error(text("epoch ", position.epoch + 1, ", step ", position.step + 1, ": ", error.what(),
                     "; stopped, the last good checkpoint is ", checkpoints.newest().string(),
                     "; try a smaller --lr"));
  }
}

void SplatPredictorTrainer::State::sum(const PredictorLoss& loss) {
  position.rec_sum += loss.rec;
  position.kl_sum += loss.kl;
  sums += at::tensor({loss.pred, loss.lin, loss.persistence}, at::kDouble);
}

SplatPredictorTrainer::Means SplatPredictorTrainer::State::means() const {
  const double batches = static_cast<double>(std::max<std::int64_t>(position.batch, 1));
  const auto of = [&](std::int64_t i) { return sums[i].item<double>() / batches; };
  return {position.rec_sum / batches, of(0), of(1), position.kl_sum / batches, of(2)};
}

/// Trains to the end of the epoch at hand; false when it was ended before.
bool SplatPredictorTrainer::State::run_epoch() {
  const double beta = beta_in_epoch(config, position.epoch);
  learner.model().train(true);
  ProgressLine progress(text("epoch ", position.epoch + 1, "/", config.epochs), "pairs",
                        pairs.batches() * config.batch, position.batch * config.batch);
  const auto begin = std::chrono::steady_clock::now();
  const std::int64_t first_step = position.step;
  while (position.batch < pairs.batches()) {
    const auto loss = guarded_step(pairs.batch(position.epoch, position.batch), beta);
    ++position.batch;
    ++position.step;
    sum(loss);
    last = means();
    progress.update(position.batch * config.batch,
                    text("rec ", fixed(loss.rec, 4), "  pred ", fixed(loss.pred, 4), " (copy ",
                         fixed(loss.persistence, 4), ")  KL ", fixed(loss.kl, 1)));
    const bool enough = config.max_steps > 0 && position.step >= config.max_steps;
    if (InterruptGuard::raised() || enough) return false;
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  progress.clear();
  finish_epoch(seconds.count(), position.step - first_step);
  return true;
}

/// Measures, logs and announces the epoch, and moves the position to the next one.
void SplatPredictorTrainer::State::finish_epoch(double seconds, std::int64_t steps) {
  last = means();
  const std::int64_t epoch = position.epoch + 1;
  const double beta = beta_in_epoch(config, position.epoch);
  const double rate = static_cast<double>(steps * config.batch) / seconds;
  nlohmann::ordered_json metrics = {{"epoch", epoch},
                                    {"step", position.step},
                                    {"rec", last.rec},
                                    {"pred", last.pred},
                                    {"persistence", last.persistence},
                                    {"lin", last.lin},
                                    {"kl_nats", last.kl},
                                    {"beta", beta},
                                    {"lr", config.lr},
                                    {"seconds", seconds},
                                    {"pairs_per_second", rate}};
  std::string line =
      text("epoch ", epoch, "/", config.epochs, ": rec ", fixed(last.rec, 5), ", pred ",
           fixed(last.pred, 5), " (copying the frame ", fixed(last.persistence, 5), "), lin ",
           fixed(last.lin, 4), ", KL ", fixed(last.kl, 2), " nats, ", fixed(rate, 1), " pairs/s");
  if (pairs.held_out() > 0) {
    const auto [pred, persistence] = measure_held_out();
    metrics["held_out_pred"] = pred;
    metrics["held_out_persistence"] = persistence;
    line += text(", held-out pred ", fixed(pred, 5), " (copy ", fixed(persistence, 5), ")");
  }
  const bool final = epoch == config.epochs;
  const auto due = [&](std::int64_t every) { return every > 0 && (final || epoch % every == 0); };
  if (due(config.pictures_every)) write_pictures(epoch);
  seconds_trained += seconds;
  ++epochs_trained;
  if (!final) {
    const double left = seconds_trained / static_cast<double>(epochs_trained) *
                        static_cast<double>(config.epochs - epoch);
    line += text(", ETA ", clock_text(left));
  }
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
  log.add(epoch, last.rec, last.kl, beta, metrics);
  begin_epoch(epoch);
  if (due(config.checkpoint_every)) save();
}

SplatPredictorTrainer::SplatPredictorTrainer(const SplatPredictorConfig& config,
                                             FrameSource& source) {
  check(config);
  state_ = std::make_unique<State>(config, source);
  log::info(text(source.description(), ": ", state_->pairs.frames(), " frames, ",
                 state_->pairs.size(), " pairs to train on, ", state_->pairs.held_out(),
                 " held out"));
}

SplatPredictorTrainer::~SplatPredictorTrainer() = default;

void SplatPredictorTrainer::resume(bool accept_changed_data) {
  resume_newest(*state_, accept_changed_data, [&](const auto& saved) {
    state_->learner.load_state(saved);
    state_->sums = find_in_state(saved, kSums, {3}).to(at::kDouble).clone();
  });
}

SplatPredictorTrainer::Outcome SplatPredictorTrainer::run() {
  return run_epochs(*state_) ? Outcome::finished : Outcome::interrupted;
}

SplatPredictorTrainer::Means SplatPredictorTrainer::last() const {
  return state_->last;
}

}  // namespace neurosplat
