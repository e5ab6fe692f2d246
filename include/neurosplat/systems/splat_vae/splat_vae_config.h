#pragma once

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <string>
#include <type_traits>
#include <vector>

#include "neurosplat/data/picture_source.h"
#include "neurosplat/systems/splat_vae/splat_vae.h"
#include "neurosplat/training/options.h"

namespace neurosplat {

/// Everything that decides a training run of the splat VAE. Names and defaults are the
/// reference's where it has them (docs/neuro-splat.md, "Training options"); the rest is ours.
struct SplatVaeConfig {
  std::string dataset = "flowers";
  std::filesystem::path data = "./data";
  std::vector<std::string> splits = {"train", "val"};
  std::int64_t split_seed = 0;
  std::filesystem::path out = "./runs/splat";
  std::int64_t image_size = 64;
  std::int64_t num_packets = 256;
  std::int64_t latent = 128;
  std::int64_t batch = 64;
  std::int64_t epochs = 200;
  double lr = 2e-4;
  std::string lr_schedule = "constant";
  std::int64_t schedule_epochs = 0;
  double beta = 1.0;
  std::int64_t beta_warmup = 10;
  double clip = 5.0;
  bool flip = false;
  std::int64_t seed = 0;
  std::string device = "auto";
  std::string amp = "off";
  int threads = 0;
  std::int64_t workers = 4;
  double memory_gib = 4.0;
  std::string renderer = "auto";
  std::int64_t chunk = 64;
  std::int64_t held_out_every = 5;
  std::int64_t held_out_pictures = 256;
  std::string held_out_split = "val";
  std::int64_t pictures_every = 1;
  std::int64_t checkpoint_every = 1;
  std::int64_t max_steps = 0;
};

template <class Config, class Visitor>
requires std::same_as<std::remove_const_t<Config>, SplatVaeConfig>
void visit_options(Config& config, Visitor&& visit) {
  visit("dataset", config.dataset,
        "pictures to learn: flowers, celeba, cifar10, folder, smoke, synthetic");
  visit("data", config.data, "folder of the data set (layouts: see the README)");
  visit("splits", config.splits,
        "splits to train on, of train, val, test; name all three to train as the reference does");
  visit(
      "split_seed", config.split_seed,
      "draws the test tenth of a folder, which has no splits of its own; belongs to the data, not "
      "to the run, so --seed does not touch it");
  visit("out", config.out, "run folder");
  visit("image_size", config.image_size, "pixels a side, a power of two from 16");
  visit("num_packets", config.num_packets, "packets a picture");
  visit("latent", config.latent, "latent numbers");
  visit("batch", config.batch, "pictures a step");
  visit("epochs", config.epochs, "passes over the training pictures, in all");
  visit("lr", config.lr, "Adam's learning rate");
  visit("lr_schedule", config.lr_schedule,
        "constant, or cosine: down to 1 % of lr at the last of schedule-epochs");
  visit("schedule_epochs", config.schedule_epochs,
        "epochs that the cosine spans, then the rate stays; 0: the epochs that the run began with");
  visit("beta", config.beta, "weight of the KL divergence, per nat (the other term is a mean)");
  visit("beta_warmup", config.beta_warmup, "epochs over which beta grows linearly");
  visit("clip", config.clip, "largest norm of the gradient");
  visit("flip", config.flip, "mirror pictures left-right at random");
  visit("seed", config.seed, "seed of weights, order, flips and latent noise");
  visit("device", config.device, "cpu, cuda or auto");
  visit("amp", config.amp,
        "bf16 autocast of the networks, packets stay float32: off, on, or auto (on with CUDA)");
  visit("threads", config.threads, "CPU threads; 0: all cores");
  visit("workers", config.workers, "threads that decode pictures");
  visit("memory_gib", config.memory_gib, "GiB of decoded pictures to keep in memory");
  visit("renderer", config.renderer, "auto, matrix, cuda or dense");
  visit("chunk", config.chunk, "packets at a time in the dense renderer");
  visit("held_out_every", config.held_out_every,
        "epochs between measurements on held-out pictures; 0: never");
  visit("held_out_pictures", config.held_out_pictures,
        "held-out pictures to measure on while training; 0: all");
  visit("held_out_split", config.held_out_split,
        "split to measure on while training, never one that is trained on: val, or test, which is "
        "then no longer untouched");
  visit("pictures_every", config.pictures_every,
        "epochs between recon_###.png and sample_###.png; 0: never");
  visit("checkpoint_every", config.checkpoint_every, "epochs between checkpoints");
  visit("max_steps", config.max_steps, "stop after so many steps in all; 0: no limit");
}

/// Throws UsageError, one line, when a value cannot be.
void check(const SplatVaeConfig& config);

SplatVaeArchitecture architecture_of(const SplatVaeConfig& config);

/// Weight of the KL divergence in `epoch` (from 0): beta * min(1, (epoch + 1) / beta_warmup).
double beta_in_epoch(const SplatVaeConfig& config, std::int64_t epoch);

/// The schedule's length belongs to the run: a `schedule_epochs` of 0 becomes `epochs`, as a run
/// begins and as its config.json is read, which may be older than the option.
void settle_schedule(SplatVaeConfig& config);

/// Learning rate in `epoch` (from 0). A `schedule_epochs` of 0 is taken as `epochs`.
double learning_rate_in_epoch(const SplatVaeConfig& config, std::int64_t epoch);

/// Sets what a run's config.json says, as read_options() does. Runs from before `split_seed` drew a
/// folder's split from their `seed`: they keep it.
void read_saved_options(SplatVaeConfig& config, const nlohmann::json& saved,
                        const std::string& origin);

/// What open_pictures() takes for these splits of the run's data.
PictureRequest pictures_of(const SplatVaeConfig& config, const std::vector<std::string>& splits);

}  // namespace neurosplat
