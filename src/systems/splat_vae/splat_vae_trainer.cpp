#include "neurosplat/systems/splat_vae/splat_vae_trainer.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <numeric>

#include "neurosplat/core/device.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/interrupt.h"
#include "neurosplat/core/log.h"
#include "neurosplat/core/progress.h"
#include "neurosplat/core/text.h"
#include "neurosplat/data/picture_loader.h"
#include "neurosplat/figure/picture_grid.h"
#include "neurosplat/io/image_file.h"
#include "neurosplat/metrics/picture_quality.h"
#include "neurosplat/systems/splat_vae/model_file.h"
#include "neurosplat/systems/splat_vae/trained_on.h"
#include "neurosplat/training/checkpoint.h"
#include "neurosplat/training/run_log.h"
#include "neurosplat/training/training_run.h"
#include "systems/splat_vae/splat_vae_learner.h"

namespace neurosplat {
namespace {

constexpr std::int64_t kShownPictures = 32, kShownSamples = 64, kSheetColumns = 8;
/// Pictures drawn at a time outside training.
constexpr std::int64_t kEvaluationBatch = 64;

LoaderOptions loader_options(const SplatVaeConfig& config) {
  return {
      .side = config.image_size,
      .batch = config.batch,
      .workers = static_cast<int>(config.workers),
      .seed = static_cast<std::uint64_t>(config.seed),
      .flip = config.flip,
      .memory_budget = static_cast<std::int64_t>(config.memory_gib * static_cast<double>(1 << 30))};
}

std::vector<std::int64_t> first_positions(std::int64_t count) {
  std::vector<std::int64_t> positions(static_cast<std::size_t>(count));
  std::iota(positions.begin(), positions.end(), 0);
  return positions;
}

std::shared_ptr<const PictureSource> open_training_pictures(
    const SplatVaeConfig& config, std::map<std::string, std::string>& metadata) {
  auto source = open_pictures(pictures_of(config, config.splits));
  metadata = training_metadata(config, *source);
  return source;
}

/// What the run measures itself on: pictures it does not train on, uint8 [K, 3, S, S]; undefined,
/// and a line that says why, when there are none.
at::Tensor held_out_pictures(const SplatVaeConfig& config) {
  const auto& split = config.held_out_split;
  std::string reason = text(split, " is trained on");
  if (std::find(config.splits.begin(), config.splits.end(), split) == config.splits.end()) {
    try {
      std::shared_ptr<const PictureSource> source = open_pictures(pictures_of(config, {split}));
      const auto wanted = config.held_out_pictures == 0 ? source->size() : config.held_out_pictures;
      auto options = loader_options(config);
      options.shuffle = options.drop_last = false;
      const PictureLoader loader(
          seeded_subset(std::move(source), wanted, static_cast<std::uint64_t>(config.seed)),
          options);
      log::info(text("held out: ", loader.size(), " pictures of ", split));
      return loader.pictures(first_positions(loader.size()));
    } catch (const Error& error) {
      reason = error.what();
    }
  }
  log::info(text("no held-out figure while training: ", reason,
                 split == "val" ? "; --held-out-split test would measure on test pictures" : ""));
  return {};
}

}  // namespace

struct SplatVaeTrainer::State {
  explicit State(const SplatVaeConfig& given)
      : config(given),
        device(device_from_name(given.device)),
        learner(given, device),
        source(open_training_pictures(given, trained_on)),
        loader(source, loader_options(given)),
        order(order_makers(given, {"batch", "seed"}, source->list_hash())),
        held_out(given.held_out_every > 0 || given.pictures_every > 0 ? held_out_pictures(given)
                                                                      : at::Tensor()),
        checkpoints(given.out),
        log(given.out) {
    settle_schedule(config);
    shown = held_out.defined()
                ? held_out
                : loader.pictures(first_positions(std::min(kShownPictures, loader.size())));
    shown = to_unit_range(shown.narrow(0, 0, std::min(kShownPictures, shown.size(0))), device);
    latents = at::randn({kShownSamples, given.latent},
                        at::detail::createCPUGenerator(static_cast<std::uint64_t>(given.seed) + 2),
                        at::kFloat)
                  .to(device);
  }

  void save();
  void write_pictures(std::int64_t epoch) const;
  /// Mean PSNR of the held-out pictures: through the posterior's mean, and through one sample.
  struct HeldOut {
    double psnr_db, sample_psnr_db;
  };
  HeldOut measure_held_out() const;
  /// The same noise for every sheet and measurement, so that they differ by the model alone.
  at::Generator fixed_noise() const {
    return at::detail::createCPUGenerator(static_cast<std::uint64_t>(config.seed) + 3);
  }
  void begin_epoch(std::int64_t epoch) { position = {.epoch = epoch, .step = position.step}; }
  bool run_epoch();
  StepLoss guarded_step(const at::Tensor& batch, double beta);
  void finish_epoch(double seconds, std::int64_t steps);

  SplatVaeConfig config;
  at::Device device;
  SplatVaeLearner learner;
  std::map<std::string, std::string> trained_on;  // of the model file; opening `source` fills it
  std::shared_ptr<const PictureSource> source;
  PictureLoader loader;
  OrderMakers order;
  at::Tensor held_out;  // uint8
  CheckpointFolder checkpoints;
  RunLog log;
  at::Tensor shown, latents;
  TrainingPosition position;
  StageClock stages;
  StepLoss last{};
  double seconds_trained = 0;
  std::int64_t epochs_trained = 0;
};

void SplatVaeTrainer::State::save() {
  auto state = learner.state();
  note(order, state);
  checkpoints.save(std::move(state), position);
  auto metadata = trained_on;
  metadata["epoch"] = std::to_string(position.epoch);
  metadata["step"] = std::to_string(position.step);
  save_splat_vae(config.out / "model.safetensors", learner.model(), metadata);
}

void SplatVaeTrainer::State::write_pictures(std::int64_t epoch) const {
  const at::NoGradGuard no_gradient;
  const auto& model = learner.model();
  model.train(false);
  char number[16];
  std::snprintf(number, sizeof number, "%03lld", static_cast<long long>(epoch));
  write_png(config.out / text("recon_", number, ".png"),
            picture_grid(at::cat({shown, model.reconstruct_sample(shown, fixed_noise())}),
                         kSheetColumns));
  write_png(config.out / text("sample_", number, ".png"),
            picture_grid(model.draw(model.decode(latents)), kSheetColumns));
}

SplatVaeTrainer::State::HeldOut SplatVaeTrainer::State::measure_held_out() const {
  const auto& model = learner.model();
  model.train(false);
  const auto noise = fixed_noise();
  HeldOut sums{};
  for (std::int64_t first = 0; first < held_out.size(0); first += kEvaluationBatch) {
    const auto count = std::min(kEvaluationBatch, held_out.size(0) - first);
    const auto pictures = to_unit_range(held_out.narrow(0, first, count), device);
    const auto psnr_sum = [&](const at::Tensor& version) {
      return psnr_db(version, pictures).sum().item<double>();
    };
    sums.psnr_db += psnr_sum(model.reconstruct(pictures));
    sums.sample_psnr_db += psnr_sum(model.reconstruct_sample(pictures, noise));
  }
  const auto count = static_cast<double>(held_out.size(0));
  return {sums.psnr_db / count, sums.sample_psnr_db / count};
}

StepLoss SplatVaeTrainer::State::guarded_step(const at::Tensor& batch, double beta) {
  try {
    return learner.step(to_unit_range(batch, device), beta, stages);
  } catch (const Error& error) {
    const auto kept = checkpoints.newest();
    throw Error(text("epoch ", position.epoch + 1, ", step ", position.step + 1, ": ", error.what(),
                     "; stopped, the last good checkpoint is ", kept.string(),
                     "; try a smaller --lr"));
  }
}

/// Trains to the end of the epoch at hand; false when it was ended before.
bool SplatVaeTrainer::State::run_epoch() {
  const double beta = beta_in_epoch(config, position.epoch);
  learner.set_learning_rate(learning_rate_in_epoch(config, position.epoch));
  learner.model().train(true);
  loader.start_epoch(position.epoch, position.batch);
  ProgressLine progress(text("epoch ", position.epoch + 1, "/", config.epochs), "images",
                        loader.batches() * config.batch, position.batch * config.batch);
  const auto begin = std::chrono::steady_clock::now();
  const std::int64_t first_step = position.step;
  stages = {};
  while (const auto batch = loader.next()) {
    stages.mark(Stage::data);
    last = guarded_step(*batch, beta);
    ++position.batch;
    ++position.step;
    position.rec_sum += last.rec;
    position.kl_sum += last.kl;
    progress.update(position.batch * config.batch,
                    text("rec ", fixed(last.rec, 4), "  PSNR ",
                         fixed(psnr_db_of_error(last.rec), 2), " dB  KL ", fixed(last.kl, 1)));
    const bool enough = config.max_steps > 0 && position.step >= config.max_steps;
    if (InterruptGuard::raised() || enough) return false;
    stages.mark(Stage::other);
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  progress.clear();
  finish_epoch(seconds.count(), position.step - first_step);
  return true;
}

/// Measures, logs and announces the epoch, and moves the position to the next one.
void SplatVaeTrainer::State::finish_epoch(double seconds, std::int64_t steps) {
  const auto batches = static_cast<double>(position.batch);
  last = {position.rec_sum / batches, position.kl_sum / batches};
  const std::int64_t epoch = position.epoch + 1;
  const double beta = beta_in_epoch(config, position.epoch);
  const double images = static_cast<double>(steps * config.batch);
  nlohmann::ordered_json metrics = {{"epoch", epoch},
                                    {"step", position.step},
                                    {"rec", last.rec},
                                    {"psnr_db", psnr_db_of_error(last.rec)},
                                    {"kl_nats", last.kl},
                                    {"beta", beta},
                                    {"lr", learning_rate_in_epoch(config, position.epoch)},
                                    {"seconds", seconds},
                                    {"images_per_second", images / seconds}};
  for (std::size_t i = 0; i < kStageNames.size(); ++i) {
    metrics[text("seconds_", kStageNames[i])] = stages.seconds(static_cast<Stage>(i));
  }
  std::string line =
      text("epoch ", epoch, "/", config.epochs, ": rec ", fixed(last.rec, 5), ", PSNR ",
           fixed(psnr_db_of_error(last.rec), 2), " dB, KL ", fixed(last.kl, 2), " nats, beta ",
           beta, ", ", fixed(images / seconds, 1), " images/s, ", fixed(seconds, 1), " s");
  const bool final = epoch == config.epochs;
  const auto due = [&](std::int64_t every) { return every > 0 && (final || epoch % every == 0); };
  if (due(config.held_out_every) && held_out.defined()) {
    const auto [psnr, sample_psnr] = measure_held_out();
    // Figures of test pictures say so: what is chosen by them is no longer measured by them.
    const bool on_test = config.held_out_split == "test";
    const std::string split = on_test ? "test" : "held_out";
    metrics[split + "_psnr_mean_db"] = psnr;
    metrics[split + "_sample_psnr_mean_db"] = sample_psnr;
    metrics[split + "_images"] = held_out.size(0);
    line += text(", ", on_test ? "test" : "held-out", " PSNR ", fixed(psnr, 2), " dB");
  }
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

SplatVaeTrainer::SplatVaeTrainer(const SplatVaeConfig& config) {
  check(config);
  state_ = std::make_unique<State>(config);
}

SplatVaeTrainer::~SplatVaeTrainer() = default;

void SplatVaeTrainer::resume(bool accept_changed_data) {
  resume_newest(*state_, accept_changed_data,
                [&](const auto& saved) { state_->learner.load_state(saved); });
}

void SplatVaeTrainer::start_from(const SplatVae& model) {
  if (model.architecture() != state_->learner.model().architecture()) {
    throw UsageError("the weights to start from are of another image_size, num_packets or latent");
  }
  state_->learner.model().load_state(model.state());
}

SplatVaeTrainer::Outcome SplatVaeTrainer::run() {
  return run_epochs(*state_) ? Outcome::finished : Outcome::interrupted;
}

double SplatVaeTrainer::last_rec() const {
  return state_->last.rec;
}

double SplatVaeTrainer::last_kl() const {
  return state_->last.kl;
}

}  // namespace neurosplat
