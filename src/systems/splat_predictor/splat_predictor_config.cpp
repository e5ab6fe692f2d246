#include "neurosplat/systems/splat_predictor/splat_predictor_config.h"

#include <algorithm>

#include "neurosplat/training/option_checks.h"

namespace neurosplat {
namespace {

void check_weight(const char* name, double value) {
  if (!(std::isfinite(value) && value >= 0)) {
    throw UsageError(text(name, ": expected a number of at least 0, got ", value));
  }
}

}  // namespace

void check(const SplatPredictorConfig& config) {
  check(architecture_of(config));
  check_at_least("batch", config.batch, 2);  // batch normalisation needs two
  check_at_least("epochs", config.epochs, 1);
  check_positive("lr", config.lr);
  check_weight("beta", config.beta);
  check_at_least("beta_warmup", config.beta_warmup, 1);
  check_weight("w_pred", config.w_pred);
  check_weight("w_lin", config.w_lin);
  check_positive("clip", config.clip);
  check_at_least("stride", config.stride, 1);
  check_at_least("max_frames", config.max_frames, 3);
  if (!(config.held_out >= 0.0 && config.held_out <= 0.9)) {
    throw UsageError(text("held_out: expected a share from 0 to 0.9, got ", config.held_out));
  }
  check_at_least("seed", config.seed, 0);
  check_one_of("device", config.device, {"cpu", "cuda", "auto"});
  check_one_of("amp", config.amp, {"off", "on", "auto"});
  check_at_least("threads", config.threads, 0);
  if (config.threads > 1024) throw UsageError("threads: expected at most 1024");
  check_at_least("workers", config.workers, 0);
  renderer_from_name(config.renderer);
  check_at_least("chunk", config.chunk, 1);
  check_at_least("pictures_every", config.pictures_every, 0);
  check_at_least("checkpoint_every", config.checkpoint_every, 1);
  check_at_least("max_steps", config.max_steps, 0);
}

SplatVaeArchitecture architecture_of(const SplatPredictorConfig& config) {
  return {.image_size = config.image_size, .packets = config.num_packets, .latent = config.latent};
}

double beta_in_epoch(const SplatPredictorConfig& config, std::int64_t epoch) {
  const double ramp = static_cast<double>(epoch + 1) / static_cast<double>(config.beta_warmup);
  return config.beta * std::min(1.0, ramp);
}

}  // namespace neurosplat
