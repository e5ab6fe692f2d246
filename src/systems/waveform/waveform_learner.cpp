#include "systems/waveform/waveform_learner.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "neurosplat/core/error.h"
#include "neurosplat/core/log.h"
#include "neurosplat/core/text.h"
#include "neurosplat/core/words.h"
#include "neurosplat/data/picture_loader.h"
#include "neurosplat/figure/picture_grid.h"
#include "neurosplat/io/image_file.h"
#include "neurosplat/systems/waveform/model_file.h"
#include "systems/waveform/waveform_scores.h"

namespace neurosplat {
namespace {

constexpr std::int64_t kShown = 12, kPart = 256;

const WaveformConfig& checked(const WaveformConfig& config) {
  check(config);
  return config;
}

}  // namespace

WaveformLearner::WaveformLearner(const WaveformConfig& config, const at::Device& device)
    : config_(checked(config)), device_(device), data_(open_responses(config.request())) {
  settle_schedule(config_);
  log::info(data_.description);
  if (config.held_out_every > 0 && data_.validation.frame.numel() > 0) {
    measured_ = spread_over(data_.validation, config.held_out_pictures);
  }
  batches_ = std::make_unique<RowBatches>(
      std::vector{data_.train.waveforms, data_.train.frame},
      RowBatches::Settings{config.batch, config.seed, "responses", data_.hash});
  update_ = std::make_unique<WaveformUpdate>(
      config_, config.architecture(data_.electrodes, data_.samples), device, batches_->count());
  update_->model().fit_linear_code(parts_of(std::get<0>(at::_unique(data_.train.frame))));
  const auto [mean, deviation] = scale_of(data_.train);
  update_->model().set_scale(mean, deviation);
  log::info(text("waveform autoencoder: ", update_->model().parameter_count(), " parameters, ",
                 data_.electrodes, " electrodes, ", data_.samples, " samples"));
}

PictureParts WaveformLearner::parts_of(const at::Tensor& frames) const {
  return [this, frames, first = std::int64_t{0}]() mutable -> std::optional<at::Tensor> {
    const auto count = std::min(kPart, frames.size(0) - first);
    if (count <= 0) return std::nullopt;
    first += count;
    return data_.pictures.index_select(0, frames.narrow(0, first - count, count));
  };
}

at::Tensor WaveformLearner::pictures_of(const at::Tensor& frame) const {
  return to_unit_range(data_.pictures.index_select(0, frame), device_);
}

Figures WaveformLearner::start_epoch(std::int64_t epoch) {
  return {{"phase", static_cast<double>(phase_of(config_, epoch))}};
}

Figures WaveformLearner::step(const Batch& batch, StageClock& clock) {
  const auto recorded = update_->model().standardised(batch[0].to(device_));
  return update_->step(pictures_of(batch[1]), recorded, batch[1].to(device_), clock);
}

std::string WaveformLearner::line_of(const Figures& terms) const {
  if (figure(terms, "image") > 0 && figure(terms, "synthetic") == 0) {
    return text("image ", fixed(figure(terms, "image"), 4));
  }
  return text("loss ", fixed(figure(terms, "loss"), 4), " (align ",
              fixed(figure(terms, "align"), 3), ", synthetic ",
              fixed(figure(terms, "synthetic"), 4), ", real ", fixed(figure(terms, "real"), 4),
              ", wave ", fixed(figure(terms, "wave"), 3), ")");
}

EpochReport WaveformLearner::finish_epoch(std::int64_t epoch, const Figures& means, bool last) {
  EpochReport report{{}, line_of(means)};
  for (const auto& [name, mean] : means) report.metrics[name] = mean;
  report.metrics["lr"] = update_->learning_rate();
  if (!is_due(epoch + 1, config_.held_out_every, last) || !measured_.frame.defined()) return report;
  const auto pictures = pictures_of(measured_.frame).cpu();
  const auto drawn =
      draw_responses(update_->model(), pictures, measured_.waveforms, config_.waveform_noise,
                     static_cast<std::uint64_t>(config_.seed) + 3);
  const double direct = score_pictures(drawn.direct, pictures).psnr_db;
  const double synthetic = score_pictures(drawn.synthetic, pictures).psnr_db;
  const double real = score_pictures(drawn.real, pictures).psnr_db;
  report.metrics["held_out_psnr_db"] = direct;
  report.metrics["held_out_synthetic_psnr_db"] = synthetic;
  report.metrics["held_out_real_psnr_db"] = real;
  report.metrics["held_out_responses"] = measured_.frame.numel();
  report.line += text("; held out ", fixed(direct, 2), " dB");
  if (phase_of(config_, epoch) != WaveformPhase::kImage) {
    report.line += text(", through the synthetic waveform ", fixed(synthetic, 2),
                        ", the recorded one ", fixed(real, 2));
  }
  return report;
}

Curves WaveformLearner::curves() const {
  return {"PSNR of held-out pictures, dB",
          {{"held_out_psnr_db", "from the latent"},
           {"held_out_synthetic_psnr_db", "from the synthetic waveform"},
           {"held_out_real_psnr_db", "from the recorded waveform"}}};
}

void WaveformLearner::draw(const std::filesystem::path& run, std::int64_t epoch) const {
  const auto some = spread_over(measured_.frame.defined() ? measured_ : data_.train, kShown);
  const auto pictures = pictures_of(some.frame).cpu();
  const auto drawn =
      draw_responses(update_->model(), pictures, some.waveforms, config_.waveform_noise,
                     static_cast<std::uint64_t>(config_.seed) + 4);
  write_png(sheet_path(run, "recon", epoch),
            picture_grid(at::cat({pictures, drawn.direct, drawn.synthetic, drawn.real}),
                         pictures.size(0)));
}

void WaveformLearner::write_models(const std::filesystem::path& run,
                                   const std::map<std::string, std::string>& where) const {
  auto more = where;
  more["recording"] = config_.recording;
  more["session"] = config_.session;
  more["dataset"] = config_.dataset;
  const auto splits = list_of(config_.splits);
  more["splits"] = splits;
  more["split_seed"] = std::to_string(config_.split_seed);
  more["repeats"] = std::to_string(config_.repeats);
  more["most_pictures"] = std::to_string(config_.most_pictures);
  more["pairing"] = config_.pairing;
  more["fold"] = std::to_string(config_.fold);
  more["waveform_noise"] = text(config_.waveform_noise);
  more["data_hash"] = data_.hash;
  save_waveform_autoencoder(run / "model.safetensors", update_->model(), more);
}

void WaveformLearner::start_from(const std::filesystem::path& path) {
  const auto stored = load_waveform_autoencoder(path);
  if (!(stored.model.architecture() == update_->model().architecture())) {
    throw UsageError("the weights to start from are of other networks or sizes");
  }
  auto weights = stored.model.state();
  // The recording's scale stays its own.
  for (const auto& [name, tensor] : update_->model().state()) {
    if (name.starts_with("scale.")) weights[name] = tensor;
  }
  update_->model().load_state(weights);
}

}  // namespace neurosplat
