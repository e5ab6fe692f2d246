#include "systems/patch_flow/patch_flow_learner.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>

#include "neurosplat/core/error.h"
#include "neurosplat/core/log.h"
#include "neurosplat/core/text.h"
#include "neurosplat/core/words.h"
#include "neurosplat/figure/picture_grid.h"
#include "neurosplat/io/image_file.h"
#include "neurosplat/metrics/seam_ratio.h"
#include "neurosplat/systems/patch_flow/model_file.h"
#include "neurosplat/training/flow_matching.h"
#include "systems/patch_flow/preview_strip.h"
#include "systems/patch_flow/sampling.h"

namespace neurosplat {
namespace {

constexpr std::int64_t kShown = 8;
/// Pictures that conditions are standardised by, at most.
constexpr std::int64_t kStandardPictures = 2048;
constexpr std::int64_t kEvaluationBatch = 50;
/// Samples whose seams are measured, in how many steps.
constexpr std::int64_t kSeamSamples = 32, kSeamSteps = 16;
/// Where held-out errors are measured (docs/patch-flow.md, "Training").
constexpr double kMeasuredTimes[] = {0.1, 0.3, 0.5, 0.7, 0.9};

const PatchFlowConfig& checked(const PatchFlowConfig& config) {
  check(config);
  return config;
}

LoaderOptions loader_options(const PatchFlowConfig& config) {
  auto options = neurosplat::loader_options(config, config.seed);
  options.side = config.image_size;
  options.batch = config.batch;
  options.flip = config.flip;
  return options;
}

at::Generator generator_of(const PatchFlowConfig& config, std::uint64_t use) {
  return at::detail::createCPUGenerator(static_cast<std::uint64_t>(config.seed) + use);
}

std::map<std::string, std::string> described(const PatchFlowConfig& config,
                                             const PictureSource& source) {
  const auto splits = list_of(config.splits);
  return {{"dataset", config.dataset},
          {"splits", splits},
          {"split_seed", std::to_string(config.split_seed)},
          {"list_hash", source.list_hash()}};
}

}  // namespace

PatchFlowLearner::PatchFlowLearner(const PatchFlowConfig& config, const at::Device& device)
    : config_(checked(config)), device_(device) {
  settle_schedule(config_);
  std::shared_ptr<const PictureSource> source =
      open_pictures(pictures_of(config, config.splits, config.seed));
  trained_on_ = described(config, *source);
  batches_ = std::make_unique<PictureBatches>(std::move(source), loader_options(config));
  if (config.held_out_every > 0) {
    held_out_ = held_out_pictures(config, config.held_out_split, config.held_out_pictures,
                                  loader_options(config));
  }
  const auto& loader = batches_->loader();
  if (held_out_.defined()) {
    trained_ = loader.pictures(0, std::min(held_out_.size(0), loader.size()));
  }
  update_ = std::make_unique<PatchFlowUpdate>(config_, device,
                                              config_.schedule_epochs * batches_->count());
  prepare_conditions();
  log::info(text("patch flow: ", update_->model().parameter_count(), " parameters"));
}

/// Standards from training pictures all over the source, which may be sorted; samples are told of
/// held-out pictures where there are some.
void PatchFlowLearner::prepare_conditions() {
  const auto& sizes = update_->model().architecture();
  if (sizes.vision_size() + sizes.semantic_size() == 0) return;
  const auto& loader = batches_->loader();
  const auto count = std::min(kStandardPictures, loader.size());
  std::vector<std::int64_t> positions;
  for (std::int64_t i = 0; i < count; ++i) positions.push_back(i * loader.size() / count);
  const auto pictures = loader.pictures(positions);
  fit_standards(update_->model(), to_unit_range(pictures, device_));
  described_ = (held_out_.defined() ? held_out_ : pictures);
  described_ = described_.narrow(0, 0, std::min(kSeamSamples, described_.size(0)));
}

/// Of described pictures, from the first again where they are fewer.
Conditions PatchFlowLearner::conditions_of_samples(std::int64_t count) const {
  if (!described_.defined()) return {};
  const auto rows = at::arange(count, at::kLong).remainder(described_.size(0));
  return update_->describe()(to_unit_range(described_.index_select(0, rows), device_));
}

Figures PatchFlowLearner::step(const Batch& batch, StageClock& clock) {
  return update_->step(to_unit_range(batch.front(), device_), clock);
}

std::string PatchFlowLearner::line_of(const Figures& terms) const {
  return text("squared error ", fixed(figure(terms, "mse"), 5));
}

/// Mean squared error of what is foretold at the measured times, the same noise every time.
double PatchFlowLearner::error_of(const at::Tensor& pictures) const {
  const at::NoGradGuard no_gradient;
  const auto& model = update_->best_model();
  const auto noise = generator_of(config_, 3);
  double sum = 0;
  for (const auto& part : pictures.split(kEvaluationBatch)) {
    const auto unit = to_unit_range(part, device_);
    const auto clean = signed_of(unit);
    const auto conditions = update_->describe()(unit);
    for (const double time : kMeasuredTimes) {
      const auto times = at::full({clean.size(0)}, time, clean.options());
      const auto drawn = model.clean(
          noisy_at(clean, at::randn(clean.sizes(), noise, at::kFloat).to(device_), times), times,
          conditions);
      sum += (drawn - clean).square().mean({1, 2, 3}).sum().item<double>();
    }
  }
  return sum / static_cast<double>(pictures.size(0) * std::ssize(kMeasuredTimes));
}

EpochReport PatchFlowLearner::finish_epoch(std::int64_t epoch, const Figures& means, bool last) {
  EpochReport report{{}, line_of(means)};
  for (const auto& [name, mean] : means) report.metrics[name] = mean;
  report.metrics["lr"] = update_->learning_rate();
  if (!is_due(epoch + 1, config_.held_out_every, last)) return report;
  const auto samples = sample_pictures(
      update_->best_model(), kSeamSamples, static_cast<std::uint64_t>(config_.seed) + 5,
      {.steps = kSeamSteps}, {}, {conditions_of_samples(kSeamSamples)});
  const double seams = seam_ratio(samples, config_.patch);
  report.metrics["sample_seam_ratio"] = seams;
  report.line += text(", seams ", fixed(seams, 3));
  if (!held_out_.defined()) return report;
  const bool on_test = config_.held_out_split == "test";
  const double held_out = error_of(held_out_), trained = error_of(trained_);
  report.metrics[on_test ? "test_error" : "held_out_error"] = held_out;
  report.metrics["trained_error"] = trained;
  report.metrics["held_out_images"] = held_out_.size(0);
  report.line += text(", ", on_test ? "test " : "held-out ", fixed(held_out, 5), " (trained ",
                      fixed(trained, 5), ")");
  return report;
}

Curves PatchFlowLearner::curves() const {
  return {"mean squared error at t = .1, .3, .5, .7, .9",
          {{"trained_error", "training pictures"},
           {"held_out_error", "validation pictures"},
           {"test_error", "test pictures"}}};
}

void PatchFlowLearner::draw(const std::filesystem::path& run, std::int64_t epoch) const {
  const auto size = config_.image_size;
  const auto noise =
      at::randn({kShown, 3, size, size}, generator_of(config_, 4), at::kFloat).to(device_);
  const auto described =
      described_.defined() ? to_unit_range(described_.index_select(
                                               0, at::arange(kShown).remainder(described_.size(0))),
                                           device_)
                           : at::Tensor();
  write_png(
      sheet_path(run, "sample", epoch),
      preview_strip(update_->best_model(), noise, {}, conditions_of_samples(kShown), described));
}

void PatchFlowLearner::write_models(const std::filesystem::path& run,
                                    const std::map<std::string, std::string>& where) const {
  auto metadata = where;
  metadata.insert(trained_on_.begin(), trained_on_.end());
  save_patch_flow(run / "model.safetensors", update_->best_model(), metadata);
}

void PatchFlowLearner::start_from(const std::filesystem::path& path) {
  const auto stored = load_patch_flow(path);
  const auto& own = update_->model().architecture();
  auto sizes = stored.model.architecture();
  auto state = stored.model.state();
  if (sizes.vision == "none" && sizes.semantic == "none") {
    // Branches that add nothing yet make a conditioned flow of any other.
    sizes.vision = own.vision;
    sizes.semantic = own.semantic;
    state.merge(update_->model().state());
  }
  if (sizes != own) {
    throw UsageError(
        "the weights to start from are of another network, size, head, kernel, sharing or "
        "conditions");
  }
  update_->model().load_state(state);
}

}  // namespace neurosplat
