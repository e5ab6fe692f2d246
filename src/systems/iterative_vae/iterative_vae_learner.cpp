#include "systems/iterative_vae/iterative_vae_learner.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <vector>

#include "neurosplat/core/error.h"
#include "neurosplat/core/log.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/image_file.h"
#include "neurosplat/systems/iterative_vae/inference_curves.h"
#include "neurosplat/systems/iterative_vae/iterative_inference.h"
#include "neurosplat/systems/iterative_vae/model_file.h"
#include "systems/iterative_vae/patch_sheets.h"

namespace neurosplat {
namespace {

constexpr std::int64_t kShownPatches = 16;

const IterativeVaeConfig& checked(const IterativeVaeConfig& config) {
  check(config);
  return config;
}

/// `count` of the validation patches, spread over all of them.
at::Tensor held_out_of(const PatchSet& patches, std::int64_t count) {
  const auto size = patches.validation.size(0);
  if (count == 0 || count >= size) return patches.validation;
  auto places = at::arange(count, at::kLong) * size;
  return patches.validation.index_select(0, at::floor_divide(places, count));
}

/// Steps of the longer look: well beyond what is trained.
std::int64_t long_steps(const IterativeVaeConfig& config) {
  constexpr std::int64_t kLeast = 128;
  return std::max(config.t_train, kLeast);
}

InferenceOptions inference_options(const IterativeVaeConfig& config) {
  InferenceOptions options;
  options.inner = config.n_iters_inner;
  options.beta_inner = config.beta_inner;
  options.seed = static_cast<std::uint64_t>(config.seed) + 1;
  return options;
}

}  // namespace

IterativeVaeLearner::IterativeVaeLearner(const IterativeVaeConfig& config, const at::Device& device)
    : config_(checked(config)), device_(device), patches_(open_patches(config.patch_request())) {
  log::info(patches_.description);
  held_out_ = held_out_of(patches_, config.held_out_patches);
  batches_ = std::make_unique<RowBatches>(
      std::vector{patches_.train.to(device)},
      RowBatches::Settings{config.batch, config.seed, "patches", patches_.hash});
  settle_schedule(config_);
  update_ = std::make_unique<IterativeVaeUpdate>(
      config_, patches_.train.size(1), batches_->count() * config_.schedule_epochs, device);
  log::info(text(update_->model().parameters(), " parameters, ",
                 update_->fused() ? "fused" : "eager", " loop, beta ", config.full_beta(), ", ",
                 patches_.train.size(0), " patches to train on, ", held_out_.size(0), " of ",
                 patches_.validation.size(0), " held out measured"));
}

Figures IterativeVaeLearner::step(const Batch& batch, StageClock&) {
  return update_->step(batch[0]);
}

std::vector<std::string> IterativeVaeLearner::terms_in_table(const Figures&) const {
  return {"nelbo", "nll", "kl", "beta", "temperature", "lr"};
}

std::string IterativeVaeLearner::line_of(const Figures& terms) const {
  return text("nelbo ", fixed(figure(terms, "nelbo"), 2), " nats (first step ",
              fixed(figure(terms, "nelbo_first"), 1), ", last ",
              fixed(figure(terms, "nelbo_last"), 1), "), KL ", fixed(figure(terms, "kl"), 3),
              ", beta ", fixed(figure(terms, "beta"), 2));
}

EpochReport IterativeVaeLearner::finish_epoch(std::int64_t epoch, const Figures& means, bool last) {
  EpochReport report{{}, line_of(means)};
  for (const auto& [name, value] : means) report.metrics[name] = value;
  if (!is_due(epoch + 1, config_.held_out_every, last)) return report;
  const auto options = inference_options(config_);
  const auto found = inference_curves(update_->model(), held_out_,
                                      {.steps = long_steps(config_),
                                       .inner = options.inner,
                                       .beta_inner = options.beta_inner,
                                       .seed = options.seed});
  const auto trained = static_cast<std::size_t>(config_.t_train - 1);
  report.metrics["held_out_r2"] = found.r2[trained];
  report.metrics["held_out_zeros"] = found.zeros[trained];
  report.metrics["held_out_du_norm"] = found.du_norm[trained];
  report.metrics["held_out_r2_long"] = found.r2.back();
  report.metrics["held_out_zeros_long"] = found.zeros.back();
  report.line += text("; held out R2 ", fixed(found.r2[trained], 4), ", zeros ",
                      fixed(found.zeros[trained], 3), ", after ", long_steps(config_), " steps ",
                      fixed(found.r2.back(), 4), ", ", fixed(found.zeros.back(), 3));
  return report;
}

Curves IterativeVaeLearner::curves() const {
  return {"held-out R2",
          {{"held_out_r2", text("after ", config_.t_train, " steps")},
           {"held_out_r2_long", text("after ", long_steps(config_), " steps")},
           {"held_out_zeros", "zeros"}}};
}

void IterativeVaeLearner::draw(const std::filesystem::path& run, std::int64_t epoch) const {
  const auto x = held_out_.narrow(0, 0, std::min(kShownPatches, held_out_.size(0)));
  IterativeInference inference(update_->model(), x.size(0), inference_options(config_));
  at::Tensor early;
  for (std::int64_t t = 1; t <= long_steps(config_); ++t) {
    inference.step(x);
    if (t == config_.t_train) early = inference.reconstruction().clone();
  }
  const auto rows = at::cat({x, early.cpu(), inference.reconstruction().cpu()});
  write_png(sheet_path(run, "recon", epoch),
            patch_sheet(rows, patches_.side, x.size(0), patches_.unit_range));
  if (config_.decoder != "lin") return;
  const auto dictionary = update_->model().state().at("decoder.weight").detach().cpu();
  write_png(sheet_path(run, "dictionary", epoch),
            dictionary_sheet(dictionary, inference.state()[0].mean(0).cpu(), patches_.side));
}

void IterativeVaeLearner::write_models(const std::filesystem::path& run,
                                       const std::map<std::string, std::string>& where) const {
  auto more = where;
  more["dataset"] = config_.dataset;
  more["patches"] = std::to_string(config_.patches);
  more["patch_size"] = std::to_string(patches_.side);
  more["validation"] = text(config_.validation);
  more["split_seed"] = std::to_string(config_.split_seed);
  more["mirrored_filter"] = config_.mirrored_filter ? "true" : "false";
  more["patch_hash"] = patches_.hash;
  more["t_train"] = std::to_string(config_.t_train);
  more["n_iters_inner"] = std::to_string(config_.n_iters_inner);
  more["beta_inner"] = text(config_.beta_inner);
  more["beta"] = text(config_.full_beta());
  more["seed"] = std::to_string(config_.seed);
  save_iterative_vae(run / "model.safetensors", update_->model(), more);
}

void IterativeVaeLearner::start_from(const std::filesystem::path& model) {
  const auto stored = load_iterative_vae(model);
  const auto &found = stored.model.architecture(), &wanted = update_->model().architecture();
  if (!(found == wanted)) {
    throw Error(text(model.string(), ": expected a ", wanted.model, " model of ", wanted.pixels,
                     " pixels and ", wanted.latents, " latents (", wanted.decoder, ", ",
                     wanted.activation, "), got ", found.model, ", ", found.pixels, ", ",
                     found.latents, " (", found.decoder, ", ", found.activation, ")"));
  }
  update_->model().load_state(stored.model.state());
}

}  // namespace neurosplat
