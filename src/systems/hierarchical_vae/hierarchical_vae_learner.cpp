#include "systems/hierarchical_vae/hierarchical_vae_learner.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "neurosplat/core/error.h"
#include "neurosplat/core/log.h"
#include "neurosplat/core/text.h"
#include "neurosplat/core/words.h"
#include "neurosplat/figure/picture_grid.h"
#include "neurosplat/io/image_file.h"
#include "neurosplat/metrics/picture_quality.h"
#include "neurosplat/systems/hierarchical_vae/model_file.h"

namespace neurosplat {
namespace {

constexpr std::int64_t kShown = 12, kSamples = 24, kSheetColumns = 12, kEvaluationBatch = 25;
constexpr double kSampleTemperature = 0.8;

const HierarchicalVaeConfig& checked(const HierarchicalVaeConfig& config) {
  check(config);
  return config;
}

LoaderOptions loader_options(const HierarchicalVaeConfig& config) {
  auto options = neurosplat::loader_options(config, config.seed);
  options.side = config.image_size;
  options.batch = config.batch;
  options.flip = config.flip;
  return options;
}

at::Generator generator_of(const HierarchicalVaeConfig& config, std::uint64_t use) {
  return at::detail::createCPUGenerator(static_cast<std::uint64_t>(config.seed) + use);
}

std::map<std::string, std::string> described(const HierarchicalVaeConfig& config,
                                             const PictureSource& source) {
  const auto splits = list_of(config.splits);
  return {{"dataset", config.dataset},
          {"splits", splits},
          {"split_seed", std::to_string(config.split_seed)},
          {"list_hash", source.list_hash()}};
}

std::vector<at::Tensor> first_of(const std::vector<at::Tensor>& latents, std::size_t count) {
  return {latents.begin(), latents.begin() + static_cast<std::ptrdiff_t>(count)};
}

}  // namespace

HierarchicalVaeLearner::HierarchicalVaeLearner(const HierarchicalVaeConfig& config,
                                               const at::Device& device)
    : config_(checked(config)), device_(device) {
  settle_schedule(config_);
  std::shared_ptr<const PictureSource> source =
      open_pictures(pictures_of(config, config.splits, config.seed));
  trained_on_ = described(config, *source);
  auto options = loader_options(config);
  // Room for squares of other sizes and places.
  options.side = std::llround(config.zoom * static_cast<double>(config.image_size));
  batches_ = std::make_unique<PictureBatches>(std::move(source), options);
  if (config.held_out_every > 0 || config.pictures_every > 0) {
    held_out_ = held_out_pictures(config, config.held_out_split, config.held_out_pictures,
                                  loader_options(config));
  }
  const auto& loader = batches_->loader();
  const auto some =
      held_out_.defined() ? held_out_ : loader.pictures(0, std::min(kShown, loader.size()));
  shown_ = to_unit_range(some.narrow(0, 0, std::min(kShown, some.size(0))), device);
  if (shown_.size(2) != config.image_size) {
    const auto side = config.image_size;
    shown_ = at::_upsample_bilinear2d_aa(shown_, {side, side}, /*align_corners=*/false);
  }
  update_ = std::make_unique<HierarchicalVaeUpdate>(config_, device, batches_->count());
  log::info(text("hierarchical VAE: ", update_->model().parameter_count(), " parameters, ",
                 update_->model().levels().size(), " blocks with latents"));
}

Figures HierarchicalVaeLearner::start_epoch(std::int64_t epoch) {
  return {{"kl_weight", update_->kl_weight(epoch * batches_->count())}};  // of its first step
}

Figures HierarchicalVaeLearner::step(const Batch& batch, StageClock& clock) {
  return update_->step(to_unit_range(batch.front(), device_), clock);
}

std::string HierarchicalVaeLearner::line_of(const Figures& terms) const {
  return text(fixed(figure(terms, "bits"), 3), " bits/dim (picture ",
              fixed(figure(terms, "rec"), 3), ", KL ", fixed(figure(terms, "kl"), 3), "), coarse ",
              fixed(psnr_db_of_error(figure(terms, "coarse")), 2), " dB, gradient ",
              fixed(figure(terms, "gradient"), 2));
}

HierarchicalVaeLearner::Fidelity HierarchicalVaeLearner::measure(const at::Tensor& pictures) const {
  const auto& model = update_->best_model();
  const auto noise = generator_of(config_, 3);
  const auto coarse = model.blocks_up_to(config_.image_size / 4);
  Fidelity sums;
  for (const auto& part : pictures.split(kEvaluationBatch)) {
    const auto some = to_unit_range(part, device_);
    const auto latents = model.encode(some);
    const auto psnr_of = [&](std::size_t blocks) {
      return psnr_db(model.decode(first_of(latents, blocks)), some).sum().item<double>();
    };
    sums.bits += model.bits_per_dimension(some, noise).bits_per_dimension.sum().item<double>();
    sums.psnr_db += psnr_of(latents.size());
    sums.coarse_psnr_db += psnr_of(coarse);
  }
  const auto count = static_cast<double>(pictures.size(0));
  return {sums.bits / count, sums.psnr_db / count, sums.coarse_psnr_db / count};
}

EpochReport HierarchicalVaeLearner::finish_epoch(std::int64_t epoch, const Figures& means,
                                                 bool last) {
  EpochReport report{{}, line_of(means)};
  for (const auto& [name, mean] : means) report.metrics[name] = mean;
  report.metrics["lr"] = update_->learning_rate();
  if (const double skipped = figure(means, "skipped"); skipped > 0) {
    const auto steps = std::llround(skipped * static_cast<double>(batches_->count()));
    report.line += text(", ", steps, " steps skipped");
  }
  if (!is_due(epoch + 1, config_.held_out_every, last) || !held_out_.defined()) return report;
  // Figures of test pictures say so: what is chosen by them is no longer measured by them.
  const std::string split = config_.held_out_split == "test" ? "test" : "held_out";
  const auto fidelity = measure(held_out_);
  report.metrics[split + "_bits"] = fidelity.bits;
  report.metrics[split + "_psnr_mean_db"] = fidelity.psnr_db;
  report.metrics[split + "_coarse_psnr_mean_db"] = fidelity.coarse_psnr_db;
  report.metrics[split + "_images"] = held_out_.size(0);
  report.line += text("; ", split == "test" ? "test " : "held out ", fixed(fidelity.bits, 3),
                      " bits/dim, ", fixed(fidelity.psnr_db, 2), " dB, without the finest level ",
                      fixed(fidelity.coarse_psnr_db, 2));
  return report;
}

Curves HierarchicalVaeLearner::curves() const {
  return {"bits per dimension",
          {{"bits", "training pictures"},
           {"held_out_bits", "validation pictures"},
           {"test_bits", "test pictures"}}};
}

void HierarchicalVaeLearner::draw(const std::filesystem::path& run, std::int64_t epoch) const {
  const at::NoGradGuard no_gradient;
  const auto& model = update_->best_model();
  const auto latents = model.encode(shown_);
  std::vector<at::Tensor> rows = {shown_};
  for (const std::int64_t part : {16, 8, 4, 2}) {
    const auto blocks = model.blocks_up_to(config_.image_size / part);
    rows.push_back(model.decode(first_of(latents, blocks)));
  }
  write_png(sheet_path(run, "recon", epoch), picture_grid(at::cat(rows), shown_.size(0)));
  write_png(sheet_path(run, "sample", epoch),
            picture_grid(model.sample(kSamples, kSampleTemperature, generator_of(config_, 4)),
                         kSheetColumns));
}

void HierarchicalVaeLearner::write_models(const std::filesystem::path& run,
                                          const std::map<std::string, std::string>& where) const {
  auto metadata = where;
  metadata.insert(trained_on_.begin(), trained_on_.end());
  save_hierarchical_vae(run / "model.safetensors", update_->best_model(), metadata);
}

void HierarchicalVaeLearner::start_from(const std::filesystem::path& path) {
  const auto stored = load_hierarchical_vae(path);
  if (!(stored.model.architecture() == update_->model().architecture())) {
    throw UsageError("the weights to start from are of another image_size, width or blocks");
  }
  update_->model().load_state(stored.model.state());
}

}  // namespace neurosplat
