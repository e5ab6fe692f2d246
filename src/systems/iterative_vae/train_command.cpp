#include <memory>

#include "neurosplat/program/training_command.h"
#include "neurosplat/systems/iterative_vae/commands.h"
#include "neurosplat/systems/iterative_vae/iterative_vae_config.h"
#include "systems/iterative_vae/iterative_vae_learner.h"

namespace neurosplat::apps {
namespace {

void use_smoke_settings(IterativeVaeConfig& config) {
  config.dataset = "synthetic";
  config.patches = 256;
  config.patch_size = 8;
  config.n_latents = 32;
  config.t_train = 4;
  config.batch = 32;
  config.epochs = 1;
  config.max_steps = 2;
  config.held_out_patches = 64;
  config.device = "cpu";
  config.out = "./runs/smoke-iterative-vae";
}

bool is_smoke(const IterativeVaeConfig& config) {
  return config.dataset == "synthetic" && config.max_steps > 0;
}

std::filesystem::path folder_read(const IterativeVaeConfig& config) {
  return config.dataset == "folder" ? config.data : std::filesystem::path();
}

void settle(IterativeVaeConfig& config, const IterativeVaeConfig* resumed) {
  if (config.schedule_epochs == 0 && resumed != nullptr) {
    config.schedule_epochs = resumed->schedule_epochs;
  }
  settle_schedule(config);
}

std::unique_ptr<Learner> make_learner(const IterativeVaeConfig& config, const at::Device& device,
                                      bool /*smoke*/) {
  return std::make_unique<IterativeVaeLearner>(config, device);
}

TrainingKind<IterativeVaeConfig> kind() {
  return {.name = "iterative-vae",
          .description =
              "Train an iterative VAE, whose inference is a recurrent descent on the "
              "free energy: iP-VAE (--model poisson), iG-VAE (--model gaussian), "
              "iG-relu-VAE (--model gaussian --latent-act relu).",
          .resume_help =
              "continue the run in --out or in the folder given, with its own options; with a "
              "model file, start from its weights",
          .smoke_help =
              "two steps on generated patches, to see that everything works; replaces the smoke "
              "run before it in ./runs/smoke-iterative-vae, else as --overwrite says",
          .aliases = {{"data", "data_dir"},
                      {"batch", "batch_size"},
                      {"weight_decay", "wd"},
                      {"decoder", "archi"}},
          .use_smoke_settings = use_smoke_settings,
          .is_smoke = is_smoke,
          .folder_read = folder_read,
          .models = {"model.safetensors"},
          .sheets = {"recon_###.png", "dictionary_###.png"},
          .takes_weights = true,
          .settle = settle,
          .make_learner = make_learner};
}

}  // namespace

void add_train_iterative_vae(Program& program) {
  add_training(program, kind());
}

}  // namespace neurosplat::apps
