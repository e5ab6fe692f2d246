#include "neurosplat/systems/splat_vae/splat_vae_config.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "neurosplat/training/option_checks.h"

namespace neurosplat {
namespace {

void check_splits(const std::vector<std::string>& splits) {
  if (splits.empty()) throw UsageError("splits: expected at least one of train, val, test");
  for (const auto& split : splits) {
    check_one_of("splits", split, {"train", "val", "test"});
    if (std::count(splits.begin(), splits.end(), split) > 1) {
      throw UsageError(text("splits: '", split, "' is named twice"));
    }
  }
}

}  // namespace

void check(const SplatVaeConfig& config) {
  dataset_from_name(config.dataset);
  check_splits(config.splits);
  check(architecture_of(config));
  check_at_least("batch", config.batch, 2);  // batch normalisation needs two
  check_at_least("epochs", config.epochs, 1);
  check_positive("lr", config.lr);
  check_one_of("lr_schedule", config.lr_schedule, {"constant", "cosine"});
  check_at_least("schedule_epochs", config.schedule_epochs, 0);
  if (!(std::isfinite(config.beta) && config.beta >= 0)) {
    throw UsageError(text("beta: expected a number of at least 0, got ", config.beta));
  }
  check_at_least("beta_warmup", config.beta_warmup, 1);
  check_positive("clip", config.clip);
  check_at_least("seed", config.seed, 0);
  check_at_least("split_seed", config.split_seed, 0);
  check_one_of("device", config.device, {"cpu", "cuda", "auto"});
  check_one_of("amp", config.amp, {"off", "on", "auto"});
  check_at_least("threads", config.threads, 0);
  if (config.threads > 1024) throw UsageError("threads: expected at most 1024");
  check_at_least("workers", config.workers, 1);
  if (config.workers > 256) throw UsageError("workers: expected at most 256");
  if (!(std::isfinite(config.memory_gib) && config.memory_gib >= 0 && config.memory_gib < 1e6)) {
    throw UsageError(text("memory_gib: expected 0 to 1e6, got ", config.memory_gib));
  }
  renderer_from_name(config.renderer);
  check_at_least("chunk", config.chunk, 1);
  check_at_least("held_out_every", config.held_out_every, 0);
  check_at_least("held_out_pictures", config.held_out_pictures, 0);
  check_one_of("held_out_split", config.held_out_split, {"val", "test"});
  check_at_least("pictures_every", config.pictures_every, 0);
  check_at_least("checkpoint_every", config.checkpoint_every, 1);
  check_at_least("max_steps", config.max_steps, 0);
}

SplatVaeArchitecture architecture_of(const SplatVaeConfig& config) {
  return {.image_size = config.image_size, .packets = config.num_packets, .latent = config.latent};
}

double beta_in_epoch(const SplatVaeConfig& config, std::int64_t epoch) {
  const double ramp = static_cast<double>(epoch + 1) / static_cast<double>(config.beta_warmup);
  return config.beta * std::min(1.0, ramp);
}

void settle_schedule(SplatVaeConfig& config) {
  if (config.schedule_epochs == 0) config.schedule_epochs = config.epochs;
}

double learning_rate_in_epoch(const SplatVaeConfig& config, std::int64_t epoch) {
  const auto span = config.schedule_epochs > 0 ? config.schedule_epochs : config.epochs;
  if (config.lr_schedule == "constant" || span < 2) return config.lr;
  constexpr double kFloor = 0.01;
  const double progress = static_cast<double>(epoch) / static_cast<double>(span - 1);
  const double wave = 0.5 * (1.0 + std::cos(std::numbers::pi * std::min(1.0, progress)));
  return config.lr * (kFloor + (1.0 - kFloor) * wave);
}

void read_saved_options(SplatVaeConfig& config, const nlohmann::json& saved,
                        const std::string& origin) {
  SplatVaeConfig alone;
  alone.split_seed = -1;  // no run has it
  read_options(alone, saved, origin);
  read_options(config, saved, origin);
  if (alone.split_seed < 0) config.split_seed = alone.seed;
}

PictureRequest pictures_of(const SplatVaeConfig& config, const std::vector<std::string>& splits) {
  return {.kind = dataset_from_name(config.dataset),
          .root = config.data,
          .splits = splits,
          .seed = static_cast<std::uint64_t>(config.seed),
          .split_seed = static_cast<std::uint64_t>(config.split_seed)};
}

}  // namespace neurosplat
