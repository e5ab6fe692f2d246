#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "neurosplat/systems/splat_vae/latent_flow.h"
#include "neurosplat/training/image_options.h"
#include "neurosplat/training/option_blocks.h"

namespace neurosplat {

/// Everything that decides a training run of a latent flow (docs/flowers.md, "Priors").
struct LatentFlowConfig : ImageOptions, DeviceOptions, RunOptions {
  LatentFlowConfig() {
    dataset.clear();  // the model's, see settle_pictures()
    splits.clear();
    epochs = 200;
    pictures_every = 20;
    checkpoint_every = 5;
    out = "./runs/latent-flow";
  }

  std::filesystem::path model;
  std::int64_t width = 256;
  std::int64_t depth = 4;
  std::int64_t batch = 256;
  bool flip = true;
  double lr = 1e-3;
  std::int64_t lr_warmup = 100;
  std::int64_t schedule_epochs = 0;
  double weight_decay = 0.01;
  double clip = 1;
  double average = 0.999;
  std::int64_t held_out_every = 10;
  std::int64_t held_out_pictures = 0;
  std::string held_out_split = "val";
};

template <class Visitor>
void visit_options(LatentFlowConfig& config, Visitor&& visit) {
  const OptionGroup model("Model", visit);
  model("model", config.model,
        "splat VAE to draw with: run folder or .safetensors file; empty: the shipped one; "
        "'untrained': a tiny one, to try things out");
  model("width", config.width, "channels", Between{1, 4096});
  model("depth", config.depth, "blocks", Between{1, 64});
  visit_options(static_cast<ImageOptions&>(config), visit);
  const OptionGroup data("Data", visit);
  data("flip", config.flip, "learn the latents of mirror images too");
  const OptionGroup training("Training", visit);
  training("batch", config.batch, "latents a step", AtLeast{1});
  training("lr", config.lr, "learning rate of AdamW, which falls to nothing along a cosine",
           Positive{});
  training("lr_warmup", config.lr_warmup, "steps over which the rate grows linearly; 0: none",
           AtLeast{0});
  training("schedule_epochs", config.schedule_epochs,
           "epochs that the schedule spans, then the rate stays; 0: the epochs that the run began "
           "with",
           AtLeast{0});
  training("weight_decay", config.weight_decay, "weights shrink by lr times as much a step",
           AtLeast{0});
  training("clip", config.clip, "largest norm of the gradient", Positive{});
  training("average", config.average,
           "decay of the weights' running average, which is then measured, drawn and kept; 0: none",
           Between{0, 0.999999});
  visit_options(static_cast<RunOptions&>(config), visit);
  const OptionGroup held_out("Measuring", visit);
  held_out("held_out_every", config.held_out_every,
           "epochs between measurements on held-out pictures; 0: never", AtLeast{0});
  held_out("held_out_pictures", config.held_out_pictures, "pictures to measure on; 0: all",
           AtLeast{0});
  held_out("held_out_split", config.held_out_split,
           "split to measure on while training, never one that is trained on",
           OneOf{{"val", "test"}});
  visit_options(static_cast<DeviceOptions&>(config), visit);
}

/// Throws UsageError, one line, when a value cannot be.
void check(const LatentFlowConfig& config);

}  // namespace neurosplat
