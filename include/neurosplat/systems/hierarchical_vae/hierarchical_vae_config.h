#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "neurosplat/systems/hierarchical_vae/hierarchical_vae.h"
#include "neurosplat/training/image_options.h"
#include "neurosplat/training/option_blocks.h"

namespace neurosplat {

/// Everything that decides a training run of a hierarchical VAE (docs/hierarchical-vae.md,
/// "Training").
struct HierarchicalVaeConfig : ImageOptions, DeviceOptions, RunOptions {
  HierarchicalVaeConfig() {
    dataset = "flowers-large";
    splits = {"train"};
    epochs = 20;
    pictures_every = 2;
    out = "./runs/hierarchical-vae";
  }

  std::int64_t image_size = 64;
  bool flip = true;
  double zoom = 1.25;
  double grey_share = 0.3;

  std::int64_t width = 128;
  std::int64_t latent_channels = 16;
  std::string blocks = "1,2,3,5,2";
  std::string encoder_blocks = "1,2,3,3,2";

  std::int64_t batch = 16;
  double lr = 8e-4;
  std::int64_t lr_warmup = 100;
  double lr_floor = 0.02;
  std::int64_t schedule_epochs = 0;
  double beta2 = 0.95;
  double weight_decay = 0.01;
  double clip = 10;
  double skip = 300;
  double average = 0.998;
  double kl_warmup = 1;
  double free_bits = 0;
  double coarse_share = 0.25;
  double coarse_deviation = 0.1;

  std::int64_t held_out_every = 2;
  std::int64_t held_out_pictures = 200;
  std::string held_out_split = "val";

  /// Throws UsageError for blocks that are no numbers.
  HierarchicalVaeArchitecture architecture() const;
};

template <class Visitor>
void visit_options(HierarchicalVaeConfig& config, Visitor&& visit) {
  visit_options(static_cast<ImageOptions&>(config), visit);
  const OptionGroup data("Data", visit);
  data("image_size", config.image_size, "side of the pictures, pixels, a multiple of 16",
       Between{16, 512});
  data("flip", config.flip, "mirror pictures left-right at random");
  data("zoom", config.zoom,
       "training pictures are random squares of the picture's square, up to so many times smaller, "
       "at random places; 1: all of it",
       Between{1, 4});
  data("grey_share", config.grey_share, "share of the training pictures that are turned grey",
       Between{0, 1});
  const OptionGroup model("Model", visit);
  model("width", config.width,
        "channels of the finest level, a multiple of 8; the coarser ones have 1.5 to 3 times as "
        "many",
        Between{8, 1024});
  model("latent_channels", config.latent_channels, "latents of a block at each of its places",
        Between{1, 256});
  model("blocks", config.blocks,
        "blocks with latents on maps of 1, S/16, S/8, S/4 and S/2 pixels a side, at least 1 each");
  model("encoder_blocks", config.encoder_blocks, "the encoder's blocks on the same maps");
  const OptionGroup training("Training", visit);
  training("batch", config.batch, "pictures a step", AtLeast{1});
  training("lr", config.lr, "learning rate of AdamW; it falls as a cosine", Positive{});
  training("lr_warmup", config.lr_warmup, "steps over which the rate grows linearly; 0: none",
           AtLeast{0});
  training("lr_floor", config.lr_floor, "share of lr that it falls to", Between{0, 1});
  training("schedule_epochs", config.schedule_epochs,
           "epochs that the schedule spans, then the rate stays; 0: the epochs that the run began "
           "with",
           AtLeast{0});
  training("beta2", config.beta2, "AdamW's decay of squared gradients", Between{0, 0.9999999});
  training("weight_decay", config.weight_decay, "weights shrink by lr times as much a step",
           AtLeast{0});
  training("clip", config.clip, "largest norm of the gradient of the loss in bits per dimension",
           Positive{});
  training("skip", config.skip, "no step where that norm is above this; 0: always one", AtLeast{0});
  training("average", config.average,
           "decay of the weights' running average, which is then measured, drawn and kept; 0: none",
           Between{0, 0.999999});
  training("kl_warmup", config.kl_warmup,
           "epochs over which the weight of the KL divergence grows to 1", AtLeast{0});
  training("free_bits", config.free_bits,
           "bits of each latent number, a block's channel on average, whose KL costs nothing more",
           AtLeast{0});
  training("coarse_share", config.coarse_share,
           "share of a batch that is drawn from the blocks up to S/16, S/8 or S/4 alone, so that "
           "these keep of a picture what they can",
           Between{0, 1});
  training("coarse_deviation", config.coarse_deviation,
           "deviation of the normal distribution that such pictures are compared under, of grey "
           "values in [0, 1]",
           Positive{});
  visit_options(static_cast<RunOptions&>(config), visit);
  const OptionGroup held_out("Measuring", visit);
  held_out("held_out_every", config.held_out_every,
           "epochs between measurements on held-out pictures; 0: never", AtLeast{0});
  held_out("held_out_pictures", config.held_out_pictures, "pictures to measure on; 0: all",
           AtLeast{0});
  held_out("held_out_split", config.held_out_split,
           "split to measure on while training, never one that is trained on; test, the only one "
           "that a folder has, is then no longer untouched",
           OneOf{{"val", "test"}});
  visit_options(static_cast<DeviceOptions&>(config), visit);
}

/// Throws UsageError, one line, when a value cannot be.
void check(const HierarchicalVaeConfig& config);

/// The schedule's length belongs to the run: a `schedule_epochs` of 0 becomes `epochs`.
void settle_schedule(HierarchicalVaeConfig& config);

/// "1,2,3" to numbers and back. Throws UsageError that names the option for anything else.
std::vector<std::int64_t> numbers_of(const std::string& option, const std::string& list);
std::string list_of(const std::vector<std::int64_t>& numbers);

}  // namespace neurosplat
