#include <algorithm>
#include <memory>

#include "neurosplat/program/training_command.h"
#include "neurosplat/systems/splat_vae/commands.h"
#include "neurosplat/systems/splat_vae/latent_flow_config.h"
#include "neurosplat/systems/splat_vae/model_options.h"
#include "neurosplat/systems/splat_vae/trained_on.h"
#include "systems/splat_vae/latent_flow_learner.h"

namespace neurosplat::apps {
namespace {

constexpr const char* kUntrained = "untrained";

DescribedSplatVae model_of(const LatentFlowConfig& config) {
  if (config.model != kUntrained) return load_described_splat_vae(config.model);
  SplatVae tiny({.image_size = 16, .packets = 4, .latent = 3}, 0);
  tiny.train(false);
  return {tiny, kUntrained, {}, {}, {}};
}

void use_smoke_settings(LatentFlowConfig& config) {
  config.model = kUntrained;
  config.dataset = "smoke";
  config.splits = {"train"};
  config.width = 16;
  config.depth = 1;
  config.batch = 4;
  config.epochs = 1;
  config.max_steps = 2;
  config.device = "cpu";
  config.out = "./runs/smoke-latent-flow";
}

bool is_smoke(const LatentFlowConfig& config) {
  return config.dataset == "smoke" && config.max_steps > 0;
}

std::filesystem::path folder_read(const LatentFlowConfig& config) {
  return config.dataset == "folder" ? config.data : std::filesystem::path();
}

/// The pictures that the model was trained on, where its file says which.
void settle_pictures(LatentFlowConfig& config) {
  if (config.model.empty()) config.model = shipped_model();
  if (!config.dataset.empty() && !config.splits.empty()) return;
  const auto trained =
      config.model == kUntrained ? TrainedOn{} : trained_on(load_described_splat_vae(config.model));
  if (trained.splits_known() && config.split_seed == 0) {
    config.split_seed = static_cast<std::int64_t>(*trained.split_seed);
  }
  if (config.dataset.empty()) config.dataset = trained.splits_known() ? trained.dataset : "flowers";
  if (config.splits.empty()) {
    config.splits = trained.splits_known() ? trained.splits : std::vector<std::string>{"train"};
  }
}

void settle(LatentFlowConfig& config, const LatentFlowConfig* resumed) {
  if (config.schedule_epochs == 0) {
    config.schedule_epochs = resumed != nullptr ? resumed->schedule_epochs : config.epochs;
  }
  settle_pictures(config);
}

std::unique_ptr<Learner> make_learner(const LatentFlowConfig& config, const at::Device& device,
                                      bool /*smoke*/) {
  if (config.model != kUntrained && lies_in(config.model, config.out)) {
    throw UsageError(text("out: expected another folder than the model's, got ",
                          config.out.string(), ": the run would replace the model it reads"));
  }
  return std::make_unique<LatentFlowLearner>(config, model_of(config), device);
}

TrainingKind<LatentFlowConfig> kind() {
  return {.name = "latent-flow",
          .description =
              "Train a sharper prior of a splat VAE's latents (flow matching), for "
              "neurosplat-sample splat-vae --prior flow.",
          .resume_help =
              "continue the run in --out or in the folder given, with its own options; with a "
              "model file, start from its flow's weights",
          .smoke_help =
              "two steps on generated pictures, to see that everything works; replaces the smoke "
              "run before it in ./runs/smoke-latent-flow, else as --overwrite says",
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

void add_train_latent_flow(Program& program) {
  add_training(program, kind());
}

}  // namespace neurosplat::apps
