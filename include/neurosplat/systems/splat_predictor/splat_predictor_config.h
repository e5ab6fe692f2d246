#pragma once

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <string>
#include <type_traits>

#include "neurosplat/systems/splat_vae/splat_vae.h"
#include "neurosplat/training/options.h"

namespace neurosplat {

/// Everything that decides a training run of the splat predictor, a splat VAE with a Koopman
/// operator for its latent. Names and defaults are the reference's where it has them
/// (docs/neuro-splat.md, "Splat predictor"); the rest is ours.
struct SplatPredictorConfig {
  std::string video;
  std::string frames_dir;
  std::filesystem::path out = "./runs/temporal";
  std::int64_t image_size = 128;
  std::int64_t num_packets = 512;
  std::int64_t latent = 128;
  std::int64_t batch = 32;
  std::int64_t epochs = 60;
  double lr = 2e-4;
  double beta = 1e-3;
  std::int64_t beta_warmup = 10;
  double w_pred = 2.0;
  double w_lin = 0.5;
  double clip = 5.0;
  std::int64_t stride = 1;
  std::int64_t max_frames = 4000;
  double held_out = 0.1;
  std::int64_t seed = 0;
  std::string device = "auto";
  std::string amp = "off";
  int threads = 0;
  std::int64_t workers = 2;
  std::string renderer = "auto";
  std::int64_t chunk = 64;
  std::int64_t pictures_every = 1;
  std::int64_t checkpoint_every = 1;
  std::int64_t max_steps = 0;
};

template <class Config, class Visitor>
requires std::same_as<std::remove_const_t<Config>, SplatPredictorConfig>
void visit_options(Config& config, Visitor&& visit) {
  visit("video", config.video, "video to learn from; or give frames-dir");
  visit("frames_dir", config.frames_dir, "folder of pictures, in the order of their names");
  visit("out", config.out, "run folder");
  visit("image_size", config.image_size, "pixels a side, a power of two from 16");
  visit("num_packets", config.num_packets, "packets a picture");
  visit("latent", config.latent, "latent numbers");
  visit("batch", config.batch, "pairs of frames a step");
  visit("epochs", config.epochs, "passes over the pairs, in all");
  visit("lr", config.lr, "Adam's learning rate");
  visit("beta", config.beta, "weight of the KL divergence, per nat (the other terms are means)");
  visit("beta_warmup", config.beta_warmup, "epochs over which beta grows linearly");
  visit("w_pred", config.w_pred, "weight of the drawn prediction's error");
  visit("w_lin", config.w_lin, "weight of the error in the latent");
  visit("clip", config.clip, "largest norm of the gradient");
  visit("stride", config.stride, "frames from one of a pair to the other");
  visit("max_frames", config.max_frames, "frames of the source to use at most");
  visit("held_out", config.held_out,
        "share of the pairs, the last ones, to measure on only; 0 trains on all as the reference");
  visit("seed", config.seed, "seed of weights, order and latent noise");
  visit("device", config.device, "cpu, cuda or auto");
  visit("amp", config.amp,
        "bf16 autocast of the networks, packets stay float32: off, on, or auto (on with CUDA)");
  visit("threads", config.threads, "CPU threads; 0: all cores");
  visit("workers", config.workers,
        "taken for the reference's sake: frames are decoded once, before training");
  visit("renderer", config.renderer, "auto, matrix or dense");
  visit("chunk", config.chunk, "packets at a time in the dense renderer");
  visit("pictures_every", config.pictures_every, "epochs between pred_###.png; 0: never");
  visit("checkpoint_every", config.checkpoint_every, "epochs between checkpoints");
  visit("max_steps", config.max_steps, "stop after so many steps in all; 0: no limit");
}

/// Sets what a run's config.json says, as read_options() does.
inline void read_saved_options(SplatPredictorConfig& config, const nlohmann::json& saved,
                               const std::string& origin) {
  read_options(config, saved, origin);
}

/// Throws UsageError, one line, when a value cannot be. Where frames come from is not checked.
void check(const SplatPredictorConfig& config);

SplatVaeArchitecture architecture_of(const SplatPredictorConfig& config);

/// Weight of the KL divergence in `epoch` (from 0): beta * min(1, (epoch + 1) / beta_warmup).
double beta_in_epoch(const SplatPredictorConfig& config, std::int64_t epoch);

}  // namespace neurosplat
