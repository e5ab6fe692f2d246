#include <memory>

#include "neurosplat/program/training_command.h"
#include "neurosplat/systems/hierarchical_vae/commands.h"
#include "neurosplat/systems/hierarchical_vae/hierarchical_vae_config.h"
#include "systems/hierarchical_vae/hierarchical_vae_learner.h"

namespace neurosplat::apps {
namespace {

void use_smoke_settings(HierarchicalVaeConfig& config) {
  config.dataset = "smoke";
  config.image_size = 16;
  config.width = 8;
  config.latent_channels = 4;
  config.blocks = "1,1,1,1,1";
  config.encoder_blocks = "1,1,1,1,1";
  config.batch = 4;
  config.epochs = 1;
  config.max_steps = 2;
  config.held_out_pictures = 16;
  config.device = "cpu";
  config.out = "./runs/smoke-hierarchical-vae";
}

bool is_smoke(const HierarchicalVaeConfig& config) {
  return config.dataset == "smoke" && config.max_steps > 0;
}

std::filesystem::path folder_read(const HierarchicalVaeConfig& config) {
  return config.dataset == "folder" ? config.data : std::filesystem::path();
}

void settle(HierarchicalVaeConfig& config, const HierarchicalVaeConfig* resumed) {
  if (config.schedule_epochs == 0 && resumed != nullptr) {
    config.schedule_epochs = resumed->schedule_epochs;
  }
  settle_schedule(config);
}

std::unique_ptr<Learner> make_learner(const HierarchicalVaeConfig& config, const at::Device& device,
                                      bool /*smoke*/) {
  return std::make_unique<HierarchicalVaeLearner>(config, device);
}

TrainingKind<HierarchicalVaeConfig> kind() {
  return {.name = "hierarchical-vae",
          .description =
              "Train a VAE with latents on maps of many sizes, each given the coarser ones (a "
              "small VD-VAE).",
          .resume_help =
              "continue the run in --out or in the folder given, with its own options; with a "
              "model file, start from its weights",
          .smoke_help =
              "two steps on generated pictures, to see that everything works; replaces the smoke "
              "run before it in ./runs/smoke-hierarchical-vae, else as --overwrite says",
          .aliases = {{"data", "data_dir"}},
          .use_smoke_settings = use_smoke_settings,
          .is_smoke = is_smoke,
          .folder_read = folder_read,
          .models = {"model.safetensors"},
          .sheets = {"recon_###.png", "sample_###.png"},
          .takes_weights = true,
          .settle = settle,
          .make_learner = make_learner};
}

}  // namespace

void add_train_hierarchical_vae(Program& program) {
  add_training(program, kind());
}

}  // namespace neurosplat::apps
