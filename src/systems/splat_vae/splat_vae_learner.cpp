#include "systems/splat_vae/splat_vae_learner.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "neurosplat/core/error.h"
#include "neurosplat/core/log.h"
#include "neurosplat/core/text.h"
#include "neurosplat/figure/picture_grid.h"
#include "neurosplat/io/image_file.h"
#include "neurosplat/metrics/picture_quality.h"
#include "neurosplat/systems/splat_vae/model_file.h"
#include "neurosplat/systems/splat_vae/trained_on.h"
#include "neurosplat/training/checkpoint.h"

namespace neurosplat {
namespace {

constexpr std::int64_t kShownPictures = 32, kShownSamples = 64, kSheetColumns = 8;
/// Pictures drawn at a time outside training.
constexpr std::int64_t kEvaluationBatch = 64;
/// Pictures that a linear code is fitted to at most: five times the numbers of one.
constexpr std::int64_t kFittedPictures = 16384;

const SplatVaeConfig& checked(const SplatVaeConfig& config) {
  check(config);
  return config;
}

LoaderOptions loader_options(const SplatVaeConfig& config) {
  auto options = neurosplat::loader_options(config, config.seed);
  options.side = config.image_size;
  options.batch = config.batch;
  options.flip = config.flip;
  return options;
}

std::vector<std::int64_t> positions_from(std::int64_t first, std::int64_t count) {
  std::vector<std::int64_t> positions(static_cast<std::size_t>(count));
  std::iota(positions.begin(), positions.end(), first);
  return positions;
}

/// `count` of the positions below `size`, drawn by the run's seed.
std::vector<std::int64_t> random_positions(std::int64_t size, std::int64_t count,
                                           std::int64_t seed) {
  const auto drawn =
      at::randperm(size, at::detail::createCPUGenerator(static_cast<std::uint64_t>(seed) + 4),
                   at::kLong)
          .narrow(0, 0, count)
          .contiguous();
  const auto* first = drawn.const_data_ptr<std::int64_t>();
  return {first, first + count};
}

/// The same noise for every sheet and measurement, so that they differ by the model alone.
at::Generator fixed_noise(const SplatVaeConfig& config) {
  return at::detail::createCPUGenerator(static_cast<std::uint64_t>(config.seed) + 3);
}

}  // namespace

SplatVaeLearner::SplatVaeLearner(const SplatVaeConfig& config, const at::Device& device)
    : config_(checked(config)), device_(device), update_(config, device) {
  settle_schedule(config_);
  std::shared_ptr<const PictureSource> source =
      open_pictures(pictures_of(config, config.splits, config.seed));
  trained_on_ = training_metadata(config, *source);
  batches_ = std::make_unique<PictureBatches>(std::move(source), loader_options(config));
  if (config.held_out_every > 0 || config.pictures_every > 0) {
    held_out_ = held_out_pictures(config, config.held_out_split, config.held_out_pictures,
                                  loader_options(config));
  }
  const auto& loader = batches_->loader();
  if (held_out_.defined() && config.held_out_every > 0) {
    const auto count = std::min(held_out_.size(0), loader.size());
    trained_ = loader.pictures(random_positions(loader.size(), count, config.seed));
  }
  if (config.decoder == "residual") fit_linear_code(loader);
  shown_ = held_out_.defined()
               ? held_out_
               : loader.pictures(positions_from(0, std::min(kShownPictures, loader.size())));
  shown_ = to_unit_range(shown_.narrow(0, 0, std::min(kShownPictures, shown_.size(0))), device);
  latents_ = at::randn({kShownSamples, config.latent},
                       at::detail::createCPUGenerator(static_cast<std::uint64_t>(config.seed) + 2),
                       at::kFloat)
                 .to(device);
}

SplatVaeLearner::~SplatVaeLearner() = default;

void SplatVaeLearner::fit_linear_code(const PictureLoader& loader) const {
  const auto count = std::min(kFittedPictures, loader.size());
  log::info(text("fitting the linear code to ", count, " pictures and their mirror images"));
  std::int64_t first = 0;
  update_.model().fit_linear_code([&]() -> std::optional<at::Tensor> {
    if (first == count) return std::nullopt;
    const auto some = std::min(kEvaluationBatch, count - first);
    const auto positions = positions_from(first, some);
    first += some;
    return loader.pictures(positions);
  });
}

Batches& SplatVaeLearner::batches() {
  return *batches_;
}

Figures SplatVaeLearner::start_epoch(std::int64_t epoch) {
  prior_.reset();
  beta_ = beta_in_epoch(config_, epoch);
  rate_ = learning_rate_in_epoch(config_, epoch);
  update_.set_learning_rate(rate_);
  update_.model().train(true);
  return {{"beta", beta_}};
}

Figures SplatVaeLearner::step(const Batch& batch, StageClock& clock) {
  return update_.step(to_unit_range(batch.front(), device_), beta_, clock);
}

std::string SplatVaeLearner::line_of(const Figures& terms) const {
  const double rec = figure(terms, "rec");
  return text("rec ", fixed(rec, 5), ", PSNR ", fixed(psnr_db_of_error(rec), 2), " dB, KL ",
              fixed(figure(terms, "kl"), 2), " nats");
}

EpochReport SplatVaeLearner::finish_epoch(std::int64_t epoch, const Figures& means, bool last) {
  const double rec = figure(means, "rec");
  EpochReport report{{{"rec", rec},
                      {"psnr_db", psnr_db_of_error(rec)},
                      {"kl_nats", figure(means, "kl")},
                      {"beta", beta_},
                      {"lr", rate_}},
                     text(line_of(means), ", beta ", beta_)};
  if (last) prior_ = fitted_prior();
  if (is_due(epoch + 1, config_.held_out_every, last) && held_out_.defined()) {
    add_fidelities(report);
  }
  return report;
}

/// Of held-out and training pictures, measured in the same way.
void SplatVaeLearner::add_fidelities(EpochReport& report) const {
  // Figures of test pictures say so: what is chosen by them is no longer measured by them.
  const bool on_test = config_.held_out_split == "test";
  const std::string split = on_test ? "test" : "held_out";
  const auto held_out = measure(held_out_), trained = measure(trained_);
  report.metrics[split + "_psnr_mean_db"] = held_out.psnr_db;
  report.metrics[split + "_sample_psnr_mean_db"] = held_out.sample_psnr_db;
  report.metrics[split + "_images"] = held_out_.size(0);
  report.metrics["trained_psnr_mean_db"] = trained.psnr_db;
  report.metrics["trained_sample_psnr_mean_db"] = trained.sample_psnr_db;
  report.line += text(", ", on_test ? "test" : "held-out", " PSNR ", fixed(held_out.psnr_db, 2),
                      " dB (trained ", fixed(trained.psnr_db, 2), ")");
}

Curves SplatVaeLearner::curves() const {
  return {"mean PSNR, dB",
          {{"trained_psnr_mean_db", "training pictures"},
           {"held_out_psnr_mean_db", "validation pictures"},
           {"test_psnr_mean_db", "test pictures"},
           {"held_out_sample_psnr_mean_db", "validation, sampled"},
           {"test_sample_psnr_mean_db", "test, sampled"}}};
}

/// Of the training pictures; nothing, and a line that says why, where they are too few.
std::optional<LatentPrior> SplatVaeLearner::fitted_prior() const {
  const at::NoGradGuard no_gradient;
  const auto& model = update_.best_model();
  const auto& loader = batches_->loader();
  model.train(false);
  std::vector<at::Tensor> means, log_variances;
  for (std::int64_t first = 0; first < loader.size(); first += kEvaluationBatch) {
    const auto positions = positions_from(first, std::min(kEvaluationBatch, loader.size() - first));
    const auto posterior = model.encode(to_unit_range(loader.pictures(positions), device_));
    means.push_back(posterior.mean.to(at::kCPU));
    log_variances.push_back(posterior.log_variance.to(at::kCPU));
  }
  try {
    return fit_latent_prior({at::cat(means), at::cat(log_variances)});
  } catch (const Error& error) {
    log::info(text("no fitted prior: ", error.what()));
    return {};
  }
}

/// Mean PSNR of uint8 pictures: through the posterior's mean, and through one sample.
SplatVaeLearner::Fidelity SplatVaeLearner::measure(const at::Tensor& pictures) const {
  const auto& model = update_.best_model();
  model.train(false);
  const auto noise = fixed_noise(config_);
  Fidelity sums{};
  for (const auto& part : pictures.split(kEvaluationBatch)) {
    const auto some = to_unit_range(part, device_);
    const auto psnr_sum = [&](const at::Tensor& version) {
      return psnr_db(version, some).sum().item<double>();
    };
    sums.psnr_db += psnr_sum(model.reconstruct(some));
    sums.sample_psnr_db += psnr_sum(model.reconstruct_sample(some, noise));
  }
  const auto count = static_cast<double>(pictures.size(0));
  return {sums.psnr_db / count, sums.sample_psnr_db / count};
}

void SplatVaeLearner::draw(const std::filesystem::path& run, std::int64_t epoch) const {
  const at::NoGradGuard no_gradient;
  const auto& model = update_.best_model();
  model.train(false);
  write_png(sheet_path(run, "recon", epoch),
            picture_grid(at::cat({shown_, model.reconstruct_sample(shown_, fixed_noise(config_))}),
                         kSheetColumns));
  write_png(sheet_path(run, "sample", epoch),
            picture_grid(model.draw(model.decode(latents_)), kSheetColumns));
}

void SplatVaeLearner::save(TensorFile& state) const {
  update_.save(state);
  if (prior_) add_prior(*prior_, state.tensors);
}

void SplatVaeLearner::load(const TensorFile& state) {
  update_.load(state);
  prior_ = prior_of(state.tensors, config_.latent);
}

Figures SplatVaeLearner::sums_before_names(const TensorFile& state) const {
  const auto rec = number_in(state, "rec_sum"), kl = number_in(state, "kl_sum");
  if (!rec || !kl) return {};
  return {{"rec", *rec}, {"kl", *kl}};
}

void SplatVaeLearner::write_models(const std::filesystem::path& run,
                                   const std::map<std::string, std::string>& where) const {
  auto metadata = where;
  metadata.insert(trained_on_.begin(), trained_on_.end());
  save_splat_vae(run / "model.safetensors", update_.best_model(), metadata, prior_);
}

void SplatVaeLearner::start_from(const std::filesystem::path& path) {
  const auto model = load_splat_vae(path);
  if (model.architecture() != update_.model().architecture()) {
    throw UsageError("the weights to start from are of another image_size, num_packets or latent");
  }
  update_.model().load_state(model.state());
}

}  // namespace neurosplat
