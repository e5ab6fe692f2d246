#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "neurosplat/data/picture_source.h"
#include "neurosplat/systems/splat_vae/packet_model_options.h"
#include "neurosplat/training/image_options.h"
#include "neurosplat/training/option_blocks.h"

namespace neurosplat {

/// Everything that decides a training run of the splat VAE. Names and defaults are the
/// reference's where it has them (docs/neuro-splat.md, "Training options"); the rest is ours.
struct SplatVaeConfig : PacketModelOptions, ImageOptions, KlOptions, DeviceOptions, RunOptions {
  SplatVaeConfig() {
    epochs = 200;
    out = "./runs/splat";
  }

  SplatVaeArchitecture architecture() const {
    auto sizes = PacketModelOptions::architecture();
    sizes.decoder = decoder_from_name(decoder);
    sizes.width = width;
    return sizes;
  }

  std::string decoder = "mlp";
  std::int64_t width = 128;
  std::int64_t batch = 64;
  std::string loss = "mse";
  std::string optimiser = "adam";
  double weight_decay = 0;
  double average = 0;
  bool augment = false;
  std::int64_t lr_warmup = 0;
  double lr = 2e-4;
  std::string lr_schedule = "constant";
  std::int64_t schedule_epochs = 0;
  double clip = 5.0;
  bool flip = false;
  std::int64_t held_out_every = 5;
  std::int64_t held_out_pictures = 256;
  std::string held_out_split = "val";
};

template <class Visitor>
void visit_options(SplatVaeConfig& config, Visitor&& visit) {
  visit_options(static_cast<ImageOptions&>(config), visit);
  const OptionGroup data("Data", visit);
  data("flip", config.flip, "mirror pictures left-right at random");
  data("augment", config.augment, "scale, turn, stretch, shift and mirror pictures at random");
  visit_options(static_cast<PacketModelOptions&>(config), visit);
  const OptionGroup model("Model", visit);
  model("decoder", config.decoder,
        "networks around the latent: mlp, the published ones, or residual, a linear code and what "
        "it misses",
        OneOf{{"mlp", "residual"}});
  model("width", config.width, "channels of the residual networks");
  const OptionGroup training("Training", visit);
  training("batch", config.batch, "pictures a step", AtLeast{2});  // batch normalisation needs two
  training("loss", config.loss,
           "mse: mean squared error; psnr: minus the mean PSNR of the pictures, dB",
           OneOf{{"mse", "psnr"}});
  training("optimiser", config.optimiser, "how weights follow the gradient",
           OneOf{{"adam", "adamw", "adamax"}});
  training("weight_decay", config.weight_decay,
           "adamw: weights shrink by lr times as much a step; else it is added to the gradient",
           AtLeast{0});
  training("average", config.average,
           "decay of the weights' running average, which is then measured, drawn and kept; 0: none",
           Between{0, 0.999999});
  training("lr", config.lr, "learning rate", Positive{});
  training("lr_schedule", config.lr_schedule,
           "cosine: down to 1 % of lr at the last of schedule-epochs",
           OneOf{{"constant", "cosine"}});
  training("lr_warmup", config.lr_warmup, "steps over which the rate grows linearly; 0: none",
           AtLeast{0});
  training("schedule_epochs", config.schedule_epochs,
           "epochs that the cosine spans, then the rate stays; 0: the epochs that the run began "
           "with",
           AtLeast{0});
  visit_options(static_cast<KlOptions&>(config), visit);
  training("clip", config.clip, "largest norm of the gradient", Positive{});
  visit_options(static_cast<RunOptions&>(config), visit);
  const OptionGroup held_out("Measuring", visit);
  held_out("held_out_every", config.held_out_every,
           "epochs between measurements on held-out pictures; 0: never", AtLeast{0});
  held_out("held_out_pictures", config.held_out_pictures,
           "held-out pictures to measure on while training; 0: all", AtLeast{0});
  held_out("held_out_split", config.held_out_split,
           "split to measure on while training, never one that is trained on; test is then no "
           "longer untouched",
           OneOf{{"val", "test"}});
  visit_options(static_cast<DeviceOptions&>(config), visit);
}

/// Throws UsageError, one line, when a value cannot be.
void check(const SplatVaeConfig& config);

/// The schedule's length belongs to the run: a `schedule_epochs` of 0 becomes `epochs`, as a run
/// begins and as its config.json is read, which may be older than the option.
void settle_schedule(SplatVaeConfig& config);

/// Learning rate in `epoch` (from 0). A `schedule_epochs` of 0 is taken as `epochs`.
double learning_rate_in_epoch(const SplatVaeConfig& config, std::int64_t epoch);

/// Sets what a run's config.json says, as read_options() does, and settles the schedule. Runs from
/// before `split_seed` drew a folder's split from their `seed`: they keep it.
void read_saved_options(SplatVaeConfig& config, const nlohmann::json& saved,
                        const std::string& origin);

}  // namespace neurosplat
