#include <memory>

#include "neurosplat/program/training_command.h"
#include "neurosplat/systems/patch_flow/commands.h"
#include "neurosplat/systems/patch_flow/patch_flow_config.h"
#include "systems/patch_flow/patch_flow_learner.h"

namespace neurosplat::apps {
namespace {

void use_smoke_settings(PatchFlowConfig& config) {
  config.dataset = "smoke";
  config.image_size = 32;
  config.width = 32;
  config.depth = 1;
  config.batch = 4;
  config.epochs = 1;
  config.max_steps = 2;
  config.device = "cpu";
  config.out = "./runs/smoke-patch-flow";
}

bool is_smoke(const PatchFlowConfig& config) {
  return config.dataset == "smoke" && config.max_steps > 0;
}

std::filesystem::path folder_read(const PatchFlowConfig& config) {
  return config.dataset == "folder" ? config.data : std::filesystem::path();
}

void settle(PatchFlowConfig& config, const PatchFlowConfig* resumed) {
  if (config.schedule_epochs == 0 && resumed != nullptr) {
    config.schedule_epochs = resumed->schedule_epochs;
  }
  settle_schedule(config);
}

std::unique_ptr<Learner> make_learner(const PatchFlowConfig& config, const at::Device& device,
                                      bool /*smoke*/) {
  return std::make_unique<PatchFlowLearner>(config, device);
}

TrainingKind<PatchFlowConfig> kind() {
  return {.name = "patch-flow",
          .description =
              "Train a transformer over patches that foretells the clean picture of a noisy one as "
              "Gaussian splats (flow matching).",
          .resume_help =
              "continue the run in --out or in the folder given, with its own options; with a "
              "model file, start from its weights",
          .smoke_help =
              "two steps on generated pictures, to see that everything works; replaces the smoke "
              "run before it in ./runs/smoke-patch-flow, else as --overwrite says",
          .aliases = {{"data", "data_dir"}},
          .use_smoke_settings = use_smoke_settings,
          .is_smoke = is_smoke,
          .folder_read = folder_read,
          .models = {"model.safetensors"},
          .sheets = {"sample_###.png"},
          .takes_weights = true,
          .settle = settle,
          .make_learner = make_learner};
}

}  // namespace

void add_train_patch_flow(Program& program) {
  add_training(program, kind());
}

}  // namespace neurosplat::apps
