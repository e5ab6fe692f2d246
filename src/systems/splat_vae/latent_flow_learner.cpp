#include "systems/splat_vae/latent_flow_learner.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "neurosplat/core/device.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/log.h"
#include "neurosplat/core/progress.h"
#include "neurosplat/core/text.h"
#include "neurosplat/core/words.h"
#include "neurosplat/figure/picture_grid.h"
#include "neurosplat/io/image_file.h"
#include "neurosplat/processes/batch_share.h"
#include "neurosplat/systems/splat_vae/trained_on.h"
#include "neurosplat/training/picture_batches.h"
#include "neurosplat/training/saved_state.h"
#include "neurosplat/training/schedule.h"

namespace neurosplat {
namespace {

constexpr std::int64_t kEncodedAtOnce = 64, kShownSamples = 64, kSheetColumns = 8;
/// Where held-out errors are measured.
constexpr double kMeasuredTimes[] = {0.1, 0.3, 0.5, 0.7, 0.9};
/// The Gaussian of the latents that a run was begun with.
const std::string kPriorMean = "prior.mean";

const LatentFlowConfig& checked(const LatentFlowConfig& config) {
  check(config);
  return config;
}

at::Generator generator_of(const LatentFlowConfig& config, std::uint64_t use) {
  return at::detail::createCPUGenerator(static_cast<std::uint64_t>(config.seed) + use);
}

/// The pictures that the model was trained on: a flow of others would make them trained on too.
std::shared_ptr<const PictureSource> training_pictures(const LatentFlowConfig& config,
                                                       const TrainedOn& trained) {
  std::shared_ptr<const PictureSource> source =
      open_pictures(pictures_of(config, config.splits, config.seed));
  if (!trained.splits_known()) return source;
  const bool same = config.dataset == trained.dataset && config.splits == trained.splits &&
                    static_cast<std::uint64_t>(config.split_seed) == *trained.split_seed;
  if (!same) {
    const auto splits = list_of(trained.splits);
    throw UsageError(text("expected the pictures that the model was trained on (--dataset ",
                          trained.dataset, " --splits ", splits, " --split-seed ",
                          *trained.split_seed, "), got others: leave these options away"));
  }
  if (!trained.list_hash.empty() && trained.list_hash != source->list_hash()) {
    throw Error(text("expected in ", config.data.string(),
                     " the pictures that the model was trained on, the list differs: give --data "
                     "the folder as it was"));
  }
  return source;
}

/// Posteriors of pictures uint8 [N, 3, S, S], and after them of their mirror images; on the CPU.
class Encoding {
 public:
  Encoding(const SplatVae& vae, const at::Device& device, bool mirrored)
      : vae_(vae), device_(device), mirrored_(mirrored) {}

  void add(const at::Tensor& pictures) {
    const at::NoGradGuard no_gradient;
    const auto some = to_unit_range(pictures, device_);
    add_to(plain_, some);
    if (mirrored_) add_to(mirror_, some.flip(3));
  }
  Posterior all() {
    auto parts = std::move(plain_);
    parts.insert(parts.end(), mirror_.begin(), mirror_.end());
    std::vector<at::Tensor> means, log_variances;
    for (auto& part : parts) {
      means.push_back(part.mean);
      log_variances.push_back(part.log_variance);
    }
    return {at::cat(means), at::cat(log_variances)};
  }

 private:
  void add_to(std::vector<Posterior>& parts, const at::Tensor& pictures) const {
    const auto posterior = vae_.encode(pictures);
    parts.push_back(
        {posterior.mean.to(at::kCPU, at::kFloat), posterior.log_variance.to(at::kCPU, at::kFloat)});
  }

  const SplatVae& vae_;
  at::Device device_;
  bool mirrored_;
  std::vector<Posterior> plain_, mirror_;
};

Posterior encoded(const SplatVae& vae, const at::Device& device, const PictureLoader& loader,
                  bool mirrored) {
  Encoding encoding(vae, device, mirrored);
  ProgressLine progress("encoding", "images", loader.size());
  for (std::int64_t first = 0; first < loader.size(); first += kEncodedAtOnce) {
    const auto count = std::min(kEncodedAtOnce, loader.size() - first);
    encoding.add(loader.pictures(first, count));
    progress.update(first + count);
  }
  return encoding.all();
}

Posterior encoded(const SplatVae& vae, const at::Device& device, const at::Tensor& pictures) {
  Encoding encoding(vae, device, false);
  for (const auto& part : pictures.split(kEncodedAtOnce)) encoding.add(part);
  return encoding.all();
}

}  // namespace

LatentFlowLearner::LatentFlowLearner(const LatentFlowConfig& config, DescribedSplatVae vae,
                                     const at::Device& device)
    : config_(checked(config)),
      device_(device),
      vae_(std::move(vae)),
      flow_({vae_.model.architecture().latent, config.width, config.depth},
            static_cast<std::uint64_t>(config.seed)),
      averaged_(config.average > 0 ? LatentFlow(flow_.sizes()) : flow_),
      noise_(generator_of(config, 2)) {
  if (config_.schedule_epochs == 0) config_.schedule_epochs = config_.epochs;
  const auto source = training_pictures(config_, trained_on(vae_));
  trained_on_ = vae_.metadata;
  auto options = loader_options(config_, config_.seed);
  options.side = vae_.model.architecture().image_size;
  options.batch = 1;
  options.drop_last = false;
  const PictureLoader loader(source, options);
  vae_.model.to(device_);
  const auto posteriors = encoded(vae_.model, device_, loader, config_.flip);
  if (!vae_.prior) vae_.prior = fit_latent_prior(posteriors);
  if (config_.held_out_every > 0) {
    const auto pictures =
        held_out_pictures(config_, config_.held_out_split, config_.held_out_pictures, options);
    if (pictures.defined()) {
      held_out_ = encoded(vae_.model, device_, pictures);
      const auto count = std::min(pictures.size(0), loader.size());
      trained_ = {posteriors.mean.narrow(0, 0, count), posteriors.log_variance.narrow(0, 0, count)};
    }
  }
  batches_ = std::make_unique<RowBatches>(
      std::vector{posteriors.mean, posteriors.log_variance},
      RowBatches::Settings{config_.batch, config_.seed, "latents", source->list_hash()});
  steps_ = config_.schedule_epochs * batches_->count();
  flow_.to(device_);
  averaged_.to(device_);
  optimiser_ = std::make_unique<Optimiser>(flow_.state(),
                                           OptimiserOptions{.kind = OptimiserKind::adamw,
                                                            .lr = config_.lr,
                                                            .weight_decay = config_.weight_decay,
                                                            .clip = config_.clip,
                                                            .average = config_.average});
  log::info(text("latent flow of ", vae_.file.string(), ": ", loader.size(), " pictures",
                 config_.flip ? " and their mirror images" : ""));
}

Figures LatentFlowLearner::step(const Batch& batch, StageClock& clock) {
  const auto latents =
      whitened(*vae_.prior,
               sample({batch[0], batch[1]}, processes::normal_rows(batch[0].sizes(), noise_)))
          .to(device_);
  const auto times = processes::uniform_rows({latents.size(0)}, noise_).to(device_);
  const auto noise = processes::normal_rows(latents.sizes(), noise_).to(device_);
  at::Tensor loss;
  {
    const AutocastScope autocast(config_.amp_on(device_), device_);
    loss = flow_.relative_error(latents, noise, times).mean();
  }
  clock.mark("network");
  const Figures terms = {{"loss", loss.item<double>()}};
  if (!std::isfinite(figure(terms, "loss"))) {
    throw Error(text("the loss is not finite (", listed(terms), ")"));
  }
  const Schedule schedule{.kind = ScheduleKind::cosine,
                          .span = std::max(steps_, config_.lr_warmup + 1),
                          .warmup = config_.lr_warmup};
  optimiser_->set_learning_rate(config_.lr * schedule.factor(optimiser_->steps()));
  optimiser_->backward_and_step(loss);
  clock.mark("optimiser");
  return terms;
}

std::string LatentFlowLearner::line_of(const Figures& terms) const {
  return text("error ", fixed(figure(terms, "loss"), 4), " of the Gaussian's");
}

const LatentFlow& LatentFlowLearner::best_flow() const {
  if (config_.average > 0) averaged_.load_state(optimiser_->averaged());
  return averaged_;
}

/// Of the error that the Gaussian alone makes on the same latents; mean over the measured times,
/// the same noise every time.
double LatentFlowLearner::error_of(const Posterior& posteriors) const {
  const at::NoGradGuard no_gradient;
  const auto& flow = best_flow();
  const LatentFlow gaussian(flow.sizes());  // one that has learned nothing
  gaussian.to(device_);
  const auto noise = generator_of(config_, 3);
  double sum = 0, unit = 0;
  for (const double time : kMeasuredTimes) {
    const auto latents = whitened(*vae_.prior, sample(posteriors, noise)).to(device_);
    const auto times = at::full({latents.size(0)}, time, latents.options());
    const auto drawn = at::randn(latents.sizes(), noise, at::kFloat).to(device_);
    sum += flow.relative_error(latents, drawn, times).mean().item<double>();
    unit += gaussian.relative_error(latents, drawn, times).mean().item<double>();
  }
  return sum / unit;
}

EpochReport LatentFlowLearner::finish_epoch(std::int64_t epoch, const Figures& means, bool last) {
  EpochReport report{{}, line_of(means)};
  for (const auto& [name, mean] : means) report.metrics[name] = mean;
  if (!is_due(epoch + 1, config_.held_out_every, last) || !held_out_.mean.defined()) return report;
  const bool on_test = config_.held_out_split == "test";
  const double held_out = error_of(held_out_), trained = error_of(trained_);
  report.metrics[on_test ? "test_error" : "held_out_error"] = held_out;
  report.metrics["trained_error"] = trained;
  report.metrics["held_out_images"] = held_out_.mean.size(0);
  report.line += text(", ", on_test ? "test " : "held-out ", fixed(held_out, 4), " (trained ",
                      fixed(trained, 4), ")");
  return report;
}

Curves LatentFlowLearner::curves() const {
  return {"squared error, share of the Gaussian's",
          {{"trained_error", "training pictures"},
           {"held_out_error", "validation pictures"},
           {"test_error", "test pictures"}}};
}

void LatentFlowLearner::draw(const std::filesystem::path& run, std::int64_t epoch) const {
  const at::NoGradGuard no_gradient;
  const auto noise =
      at::randn({kShownSamples, flow_.sizes().latent}, generator_of(config_, 4), at::kFloat);
  const auto& flow = best_flow();
  flow.to(at::kCPU);
  const auto latents = with_flow(flow, *vae_.prior, noise).to(device_);
  flow.to(device_);
  write_png(sheet_path(run, "sample", epoch),
            picture_grid(vae_.model.draw(vae_.model.decode(latents)), kSheetColumns));
}

void LatentFlowLearner::save(TensorFile& state) const {
  add_weights(state, flow_.state());
  optimiser_->save(state);
  add_noise(state, noise_);
  state.tensors[kPriorMean] = vae_.prior->mean;
}

void LatentFlowLearner::load(const TensorFile& state) {
  const auto& mean = find_in_state(state, kPriorMean, vae_.prior->mean.sizes(), at::kFloat);
  if (!mean.equal(vae_.prior->mean)) {
    throw Error(text("expected the splat VAE that the run was begun with, ", vae_.file.string(),
                     " is another: give --model as it was"));
  }
  flow_.load_state(weights_in(state));
  optimiser_->load(state);
  load_noise(state, noise_);
}

void LatentFlowLearner::write_models(const std::filesystem::path& run,
                                     const std::map<std::string, std::string>& where) const {
  auto metadata = trained_on_;
  for (const auto& [key, value] : where) metadata["flow_" + key] = value;
  save_splat_vae(run / "model.safetensors", vae_.model, metadata, vae_.prior, best_flow());
}

void LatentFlowLearner::start_from(const std::filesystem::path& path) {
  const auto stored = load_described_splat_vae(path);
  if (!stored.flow || stored.flow->sizes() != flow_.sizes()) {
    throw UsageError("expected weights of a flow of the same latent, width and depth, got others");
  }
  flow_.load_state(stored.flow->state());
}

}  // namespace neurosplat
