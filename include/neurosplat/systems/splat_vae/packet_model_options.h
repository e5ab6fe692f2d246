#pragma once

#include <cstdint>
#include <string>

#include "neurosplat/systems/splat_vae/splat_vae.h"
#include "neurosplat/training/options.h"

namespace neurosplat {

/// Sizes of a splat VAE and how its packets are drawn: of every kind that trains one.
struct PacketModelOptions {
  std::int64_t image_size = 64;
  std::int64_t num_packets = 256;
  std::int64_t latent = 128;
  std::string renderer = "auto";
  std::int64_t chunk = 64;

  SplatVaeArchitecture architecture() const {
    return {.image_size = image_size, .packets = num_packets, .latent = latent};
  }
  RenderOptions render_options() const {
    return {.renderer = renderer_from_name(renderer), .chunk = chunk};
  }
};

template <class Visitor>
void visit_options(PacketModelOptions& config, Visitor&& visit) {
  const OptionGroup model("Model", visit);
  model("image_size", config.image_size, "pixels a side, a power of two from 16");
  model("num_packets", config.num_packets, "packets a picture");
  model("latent", config.latent, "latent numbers");
  const OptionGroup device("Device", visit);
  device("renderer", config.renderer, "how packets are drawn, auto: the fastest that serves",
         OneOf{{"auto", "matrix", "cuda", "dense"}});
  device("chunk", config.chunk, "packets at a time in the dense renderer", AtLeast{1});
}

/// Weight of the KL divergence and its warm-up.
struct KlOptions {
  double beta = 1.0;
  std::int64_t beta_warmup = 10;
};

template <class Visitor>
void visit_options(KlOptions& config, Visitor&& visit) {
  const OptionGroup training("Training", visit);
  training("beta", config.beta, "weight of the KL divergence, per nat (other terms are means)",
           AtLeast{0});
  training("beta_warmup", config.beta_warmup, "epochs over which beta grows linearly", AtLeast{1});
}

/// Weight of the KL divergence in `epoch` (from 0): beta * min(1, (epoch + 1) / beta_warmup).
double beta_in_epoch(const KlOptions& options, std::int64_t epoch);

}  // namespace neurosplat
