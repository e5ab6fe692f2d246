#include "neurosplat/systems/iterative_vae/iterative_vae_config.h"

#include <algorithm>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "systems/iterative_vae/loop/loop.h"

namespace neurosplat {

IterativeVaeArchitecture IterativeVaeConfig::architecture(std::int64_t pixels) const {
  return {.model = model,
          .activation = latent_act,
          .decoder = decoder,
          .pixels = pixels,
          .latents = n_latents};
}

double IterativeVaeConfig::full_beta() const {
  if (beta_outer > 0) return beta_outer;
  return model == "poisson" ? 24 : 8;
}

PatchRequest IterativeVaeConfig::patch_request() const {
  PatchRequest request;
  request.dataset = dataset;
  request.root = data;
  request.side = patch_size;
  request.patches = patches;
  request.validation = validation;
  request.seed = static_cast<std::uint64_t>(split_seed);
  request.mirrored_filter = mirrored_filter;
  return request;
}

void check(const IterativeVaeConfig& config) {
  check_ranges(config);
  if (config.model == "poisson" && config.latent_act != "identity") {
    throw UsageError(
        text("latent_act: expected identity for poisson, whose latents are counts, got ",
             config.latent_act, "; take --model gaussian"));
  }
  if (config.temp_stop > config.temp_start) {
    throw UsageError(text("temp_stop: expected at most temp_start (", config.temp_start, "), got ",
                          config.temp_stop));
  }
  if (config.lr_min > config.lr) {
    throw UsageError(text("lr_min: expected at most lr (", config.lr, "), got ", config.lr_min));
  }
  if (config.device == "cuda" && config.loop == "fused") {
    throw UsageError("loop: the fused loop runs on the CPU; take eager with --device cuda");
  }
  if (config.loop != "fused") return;
  if (config.samples == "fresh") {
    throw UsageError("samples: the fused loop takes shared samples; take --loop eager for fresh");
  }
  if (!ivae::can_fuse(config.architecture(16))) {
    throw UsageError(
        "loop: fused takes a linear decoder, latents in multiples of 32, identity or "
        "relu; take eager");
  }
}

void settle_schedule(IterativeVaeConfig& config) {
  if (config.schedule_epochs == 0) config.schedule_epochs = config.epochs;
}

Annealed annealed_at(const IterativeVaeConfig& config, double share) {
  const auto rise = [&](double from, double length) {
    if (share < from) return 0.0;
    return length > 0 ? std::min(1.0, (share - from) / length) : 1.0;
  };
  const double open = rise(config.kl_const_portion, config.kl_anneal_portion);
  const double cool = rise(0, config.temp_anneal_portion);
  return {config.kl_beta_min + open * (config.full_beta() - config.kl_beta_min), open,
          config.temp_start + cool * (config.temp_stop - config.temp_start)};
}

}  // namespace neurosplat
