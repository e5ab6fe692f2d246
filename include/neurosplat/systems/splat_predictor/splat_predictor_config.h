#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "neurosplat/systems/splat_vae/packet_model_options.h"
#include "neurosplat/training/option_blocks.h"

namespace neurosplat {

/// Everything that decides a training run of the splat predictor, a splat VAE with a Koopman
/// operator for its latent. Names and defaults are the reference's where it has them
/// (docs/neuro-splat.md, "Splat predictor"); the rest is ours.
struct SplatPredictorConfig : PacketModelOptions, KlOptions, DeviceOptions, RunOptions {
  SplatPredictorConfig() {
    image_size = 128;
    num_packets = 512;
    epochs = 60;
    beta = 1e-3;
    out = "./runs/temporal";
  }

  std::string video;
  std::string frames_dir;
  std::int64_t stride = 1;
  std::int64_t max_frames = 4000;
  double held_out = 0.1;
  std::int64_t workers = 2;
  std::int64_t batch = 32;
  double lr = 2e-4;
  double w_pred = 2.0;
  double w_lin = 0.5;
  double clip = 5.0;
};

template <class Visitor>
void visit_options(SplatPredictorConfig& config, Visitor&& visit) {
  const OptionGroup data("Data", visit);
  data("video", config.video, "video to learn from; or give frames-dir");
  data("frames_dir", config.frames_dir, "folder of pictures, in the order of their names");
  data("stride", config.stride, "frames from one of a pair to the other", AtLeast{1});
  data("max_frames", config.max_frames, "frames of the source to use at most", AtLeast{3});
  data("held_out", config.held_out,
       "share of the pairs, the last ones, to measure on only; 0 trains on all as the reference",
       Between{0, 0.9});
  data("workers", config.workers,
       "taken for the reference's sake: frames are decoded once, before training", AtLeast{0});
  visit_options(static_cast<PacketModelOptions&>(config), visit);
  const OptionGroup training("Training", visit);
  training("batch", config.batch, "pairs of frames a step", AtLeast{2});  // for batch normalisation
  training("lr", config.lr, "Adam's learning rate", Positive{});
  visit_options(static_cast<KlOptions&>(config), visit);
  training("w_pred", config.w_pred, "weight of the drawn prediction's error", AtLeast{0});
  training("w_lin", config.w_lin, "weight of the error in the latent", AtLeast{0});
  training("clip", config.clip, "largest norm of the gradient", Positive{});
  visit_options(static_cast<RunOptions&>(config), visit);
  visit_options(static_cast<DeviceOptions&>(config), visit);
}

/// Throws UsageError, one line, when a value cannot be. Where frames come from is not checked.
void check(const SplatPredictorConfig& config);

}  // namespace neurosplat
