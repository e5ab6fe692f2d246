#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "neurosplat/data/patch_set.h"
#include "neurosplat/systems/iterative_vae/iterative_vae.h"
#include "neurosplat/training/option_blocks.h"

namespace neurosplat {

/// Everything that decides a training run of an iterative VAE. Names and defaults are the authors'
/// where they have them (docs/iterative-vae.md, "Training"); the rest is ours.
struct IterativeVaeConfig : DeviceOptions, RunOptions {
  IterativeVaeConfig() {
    epochs = 300;
    pictures_every = 10;
    out = "./runs/iterative-vae";
  }

  std::string dataset = "natural";
  std::filesystem::path data = "./data";
  std::int64_t patches = 128955;
  std::int64_t patch_size = 16;
  double validation = 0.2;
  std::int64_t split_seed = 0;
  bool mirrored_filter = false;

  std::string model = "poisson";
  std::int64_t n_latents = 512;
  std::string latent_act = "identity";
  std::string decoder = "lin";

  std::int64_t t_train = 16;
  std::int64_t n_iters_outer = 1;
  std::int64_t n_iters_inner = 1;
  double beta_outer = 0;
  double beta_inner = 1;
  std::string kl_form = "coded";
  double kl_beta_min = 1e-4;
  double kl_const_portion = 1e-3;
  double kl_anneal_portion = 0.1;
  std::string relaxation = "sigmoid";
  double temp_start = 1;
  double temp_stop = 0.01;
  double temp_anneal_portion = 0.5;
  std::string samples = "shared";
  std::string loop = "auto";

  std::int64_t batch = 200;
  double lr = 0.005;
  double lr_min = 1e-5;
  double warmup_portion = 0.005;
  double weight_decay = 3e-4;
  double grad_clip = 300;
  std::int64_t schedule_epochs = 0;

  std::int64_t held_out_every = 1;
  std::int64_t held_out_patches = 2000;

  /// Sizes of the network for patches of so many pixels.
  IterativeVaeArchitecture architecture(std::int64_t pixels) const;
  /// `beta_outer`, or the paper's where it is 0: 24 for Poisson, 8 for Gaussian latents.
  double full_beta() const;
  PatchRequest patch_request() const;
};

template <class Visitor>
void visit_options(IterativeVaeConfig& config, Visitor&& visit) {
  const OptionGroup data("Data", visit);
  data("dataset", config.dataset,
       "natural: whitened patches of the photographs below data; folder: of any pictures; npy: the "
       "authors' file of patches; mnist: digits; synthetic: generated",
       OneOf{patch_dataset_names()});
  data("data", config.data, "folder of the data, or the file for npy");
  data("patches", config.patches, "patches to take at most, training and validation together",
       AtLeast{2});
  data("patch_size", config.patch_size, "side of a patch, pixels; digits have 28", Between{4, 64});
  data("validation", config.validation, "share of the patches, of other pictures, to measure on",
       Between{0.01, 0.9});
  data("split_seed", config.split_seed, "seed of which pictures validate", AtLeast{0});
  data("mirrored_filter", config.mirrored_filter,
       "whiten by the published code's filter, whose frequencies are mirrored");
  const OptionGroup model("Model", visit);
  model("model", config.model, "latents: poisson (spike counts) or gaussian",
        OneOf{{"poisson", "gaussian"}});
  model("n_latents", config.n_latents, "latent numbers", Between{1, 65536});
  model("latent_act", config.latent_act,
        "activation of Gaussian latents; relu makes the iG-relu-VAE", OneOf{activation_names()});
  model("decoder", config.decoder,
        "from latents to pixels: linear, two hidden layers, or "
        "transposed convolutions",
        OneOf{{"lin", "mlp", "conv"}});
  const OptionGroup inference("Inference", visit);
  inference("t_train", config.t_train, "steps of inference a picture", Between{1, 4096});
  inference("n_iters_outer", config.n_iters_outer,
            "times that the steps are repeated on a picture, each with a step of the optimiser",
            Between{1, 64});
  inference("n_iters_inner", config.n_iters_inner, "iterations a step", Between{1, 64});
  inference("beta_outer", config.beta_outer,
            "weight of the KL divergence in the loss; 0: the paper's, 24 for poisson, 8 for "
            "gaussian",
            AtLeast{0});
  inference("beta_inner", config.beta_inner,
            "leak towards the prior within a step; acts with more than one inner iteration",
            AtLeast{0});
  inference("kl_form", config.kl_form, "Poisson KL as the authors coded it, or exact",
            OneOf{{"coded", "exact"}});
  inference("relaxation", config.relaxation,
            "how a spike count is made differentiable: sigmoid as published, or cubic (compact)",
            OneOf{{"sigmoid", "cubic"}});
  inference("samples", config.samples,
            "shared: the sample that a step is scored by drives the next one, which has the same "
            "mean gradient at two thirds of the work; fresh: another one, as published",
            OneOf{{"shared", "fresh"}});
  inference("loop", config.loop,
            "fused: kernels with a backward pass of their own, for linear decoders; eager: tensor "
            "by tensor; auto: fused where it can be",
            OneOf{{"auto", "fused", "eager"}});
  const OptionGroup training("Training", visit);
  training("batch", config.batch, "patches a step", AtLeast{1});
  training("lr", config.lr, "Adamax's learning rate", Positive{});
  training("lr_min", config.lr_min, "where its cosine ends", AtLeast{0});
  training("warmup_portion", config.warmup_portion, "share of the run over which lr rises",
           Between{0, 0.5});
  training("schedule_epochs", config.schedule_epochs,
           "epochs that all schedules span, then they stay; 0: the epochs that the run began with",
           AtLeast{0});
  training("weight_decay", config.weight_decay, "times the weights, added to the gradient",
           AtLeast{0});
  training("grad_clip", config.grad_clip, "largest norm of the gradient; thrice that in warm-up",
           Positive{});
  training("kl_beta_min", config.kl_beta_min, "beta at first", AtLeast{0});
  training("kl_const_portion", config.kl_const_portion, "share of the run with beta at first",
           Between{0, 1});
  training("kl_anneal_portion", config.kl_anneal_portion, "share over which it rises",
           Between{0, 1});
  training("temp_start", config.temp_start, "temperature of spike counts at first", Positive{});
  training("temp_stop", config.temp_stop, "temperature in the end", Positive{});
  training("temp_anneal_portion", config.temp_anneal_portion,
           "share of the run over which it falls", Between{0, 1});
  visit_options(static_cast<RunOptions&>(config), visit);
  const OptionGroup held_out("Measuring", visit);
  held_out("held_out_every", config.held_out_every,
           "epochs between measurements on validation patches; 0: never", AtLeast{0});
  held_out("held_out_patches", config.held_out_patches, "validation patches measured; 0: all",
           AtLeast{0});
  visit_options(static_cast<DeviceOptions&>(config), visit);
}

/// Throws UsageError, one line, when a value cannot be.
void check(const IterativeVaeConfig& config);

/// The schedules' length belongs to the run: a `schedule_epochs` of 0 becomes `epochs`.
void settle_schedule(IterativeVaeConfig& config);

/// What changes along a run, at `share` of it: 0 to 1, and beyond as at 1. `openness`: of the
/// clamps, 0 at first, 1 in the end and at test.
struct Annealed {
  double beta, openness, temperature;
};
Annealed annealed_at(const IterativeVaeConfig& config, double share);

}  // namespace neurosplat
