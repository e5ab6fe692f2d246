#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "neurosplat/data/picture_source.h"
#include "neurosplat/systems/patch_flow/patch_flow.h"
#include "neurosplat/training/image_options.h"
#include "neurosplat/training/option_blocks.h"

namespace neurosplat {

/// Everything that decides a training run of a patch flow (docs/patch-flow.md, "Training").
struct PatchFlowConfig : ImageOptions, DeviceOptions, RunOptions {
  PatchFlowConfig() {
    dataset = "folder";
    splits = {"train"};
    epochs = 100;
    pictures_every = 10;
    checkpoint_every = 5;
    out = "./runs/patch-flow";
  }

  std::string preset = "small";
  std::string head = "splats";
  std::int64_t image_size = 64;
  std::int64_t patch = 8;
  std::int64_t splats = 16;
  std::string kernel = "preset";
  std::string sharing = "3x3";
  double depth_gain = 0;
  double colour_limit = 1;
  std::int64_t width = 0;
  std::int64_t depth = 0;
  std::string vision = "none";
  std::string semantic = "none";

  std::int64_t batch = 16;
  bool flip = true;
  std::string times = "uniform";
  std::string weight = "x";
  std::string perceptual = "none";
  double perceptual_weight = 1;
  double seam_weight = 0;
  double lr = 1.5e-3;
  std::int64_t lr_warmup = 100;
  double lr_decay = 0.3;
  double lr_floor = 0.02;
  std::int64_t schedule_epochs = 0;
  double beta2 = 0.97;
  double weight_decay = 0.01;
  double clip = 1;
  double average = 0.998;
  double condition_dropout = 0.1;

  std::int64_t held_out_every = 5;
  std::int64_t held_out_pictures = 200;
  std::string held_out_split = "val";

  PatchFlowArchitecture architecture() const;
};

template <class Visitor>
void visit_options(PatchFlowConfig& config, Visitor&& visit) {
  visit_options(static_cast<ImageOptions&>(config), visit);
  const OptionGroup data("Data", visit);
  data("image_size", config.image_size, "side of the pictures, pixels", Between{8, 1024});
  data("flip", config.flip, "mirror pictures left-right at random");
  const OptionGroup model("Model", visit);
  model("preset", config.preset,
        "network: small (3.2 M parameters, for a CPU), improved (34 M) or author, the published "
        "one (26 M)",
        OneOf{patch_flow_presets()});
  model("head", config.head, "what a token gives: splats, or the pixels of its patch",
        OneOf{{"splats", "pixels"}});
  model("patch", config.patch, "side of a patch, pixels", Between{2, 64});
  model("splats", config.splats, "splats a patch, a square number", Between{1, 256});
  model("kernel", config.kernel,
        "of a splat: exponential, cosine (the first published), sharp (the second, as coded), "
        "sharp-post (as drawn in the post); preset: sharp",
        OneOf{{"preset", "exponential", "cosine", "sharp", "sharp-post"}});
  model("sharing", config.sharing, "splats that a patch is drawn from: its own, or 3x3 patches'",
        OneOf{{"own", "3x3"}});
  model("depth_gain", config.depth_gain,
        "share of the depth's raw number that counts; 0: the preset's", Between{0, 1});
  model("colour_limit", config.colour_limit, "splats' colours lie between 0 and this",
        Between{1, 4});
  model("width", config.width, "channels of a token, 64 a head; 0: the preset's", Between{0, 4096});
  model("depth", config.depth, "blocks; 0: the preset's", Between{0, 64});
  model("vision", config.vision,
        "what the network is told of a picture (docs/patch-flow.md, Conditions): none; thumbnail: "
        "8 x 8 colours; statistics: of colours, edges and textures; lite0: features of "
        "EfficientNet-Lite0 (scripts/setup.sh --features)",
        OneOf{condition_names()});
  model("semantic", config.semantic, "a second one, mixed with the first",
        OneOf{condition_names()});
  const OptionGroup training("Training", visit);
  training("batch", config.batch, "pictures a step", AtLeast{1});
  training("times", config.times, "how times are drawn: uniform, or logit-normal (mean -.8, sd .8)",
           OneOf{{"uniform", "logit-normal"}});
  training("weight", config.weight,
           "of a picture's error: x: 1; root-v: 1/(1 - t); v: 1/(1 - t)^2; with 1 - t at least .1 "
           "and .05",
           OneOf{{"x", "root-v", "v"}});
  training("perceptual", config.perceptual,
           "term added to the squared error: none; pyramid: bands of a Laplacian pyramid and "
           "gradients; lite0: maps of EfficientNet-Lite0 (scripts/setup.sh --features); "
           "script:FILE: of a TorchScript network");
  training("perceptual_weight", config.perceptual_weight, "of that term", AtLeast{0});
  training("seam_weight", config.seam_weight,
           "of a term that holds differences across patches' borders, over those inside, to the "
           "picture's",
           AtLeast{0});
  training("lr", config.lr, "learning rate of AdamW", Positive{});
  training("lr_warmup", config.lr_warmup, "steps over which the rate grows linearly; 0: none",
           AtLeast{0});
  training("lr_decay", config.lr_decay,
           "share of the run, at its end, over which the rate falls linearly", Between{0, 1});
  training("lr_floor", config.lr_floor, "share of lr that it falls to", Between{0, 1});
  training("schedule_epochs", config.schedule_epochs,
           "epochs that the schedule spans, then the rate stays; 0: the epochs that the run began "
           "with",
           AtLeast{0});
  training("beta2", config.beta2, "AdamW's decay of squared gradients", Between{0, 0.9999999});
  training("weight_decay", config.weight_decay, "weights shrink by lr times as much a step",
           AtLeast{0});
  training("clip", config.clip, "largest norm of the gradient", Positive{});
  training("average", config.average,
           "decay of the weights' running average, which is then measured, drawn and kept; 0: none",
           Between{0, 0.999999});
  training("condition_dropout", config.condition_dropout,
           "share of pictures of which the network is told nothing; of the others, where there are "
           "two conditions, each is left out as often",
           Between{0, 1});
  visit_options(static_cast<RunOptions&>(config), visit);
  const OptionGroup held_out("Measuring", visit);
  held_out(
      "held_out_every", config.held_out_every,
      "epochs between measurements on held-out pictures, and of the seams of samples; 0: never",
      AtLeast{0});
  held_out("held_out_pictures", config.held_out_pictures, "pictures to measure on; 0: all",
           AtLeast{0});
  held_out("held_out_split", config.held_out_split,
           "split to measure on while training, never one that is trained on; test, the only one "
           "that a folder has, is then no longer untouched",
           OneOf{{"val", "test"}});
  visit_options(static_cast<DeviceOptions&>(config), visit);
}

/// Throws UsageError, one line, when a value cannot be.
void check(const PatchFlowConfig& config);

/// The schedule's length belongs to the run: a `schedule_epochs` of 0 becomes `epochs`.
void settle_schedule(PatchFlowConfig& config);

/// Share of the learning rate at a step (from 0) of a run of so many.
double learning_rate_share(const PatchFlowConfig& config, std::int64_t step, std::int64_t steps);

}  // namespace neurosplat
