#include "neurosplat/systems/splat_vae/commands.h"

#include <filesystem>
#include <memory>
#include <string>

#include "neurosplat/core/error.h"
#include "neurosplat/core/log.h"
#include "neurosplat/core/text.h"
#include "neurosplat/program/training_command.h"
#include "neurosplat/systems/splat_vae/splat_vae_config.h"
#include "systems/splat_vae/splat_vae_learner.h"

namespace neurosplat::apps {
namespace {

void use_smoke_settings(SplatVaeConfig& config) {
  config.dataset = "smoke";
  config.out = "./runs/smoke";
  config.image_size = 32;
  config.num_packets = 16;
  config.batch = 4;
  config.epochs = 1;
  config.device = "cpu";
  config.max_steps = 2;
}

bool is_smoke(const SplatVaeConfig& config) {
  return config.dataset == "smoke" && config.max_steps > 0;
}

std::filesystem::path folder_read(const SplatVaeConfig& config) {
  return config.dataset == "folder" ? config.data : std::filesystem::path();
}

void settle(SplatVaeConfig& config, const SplatVaeConfig* resumed) {
  if (config.schedule_epochs == 0 && resumed != nullptr) {
    config.schedule_epochs = resumed->schedule_epochs;
  }
  settle_schedule(config);
}

void warn_of_schedule(const SplatVaeConfig& config) {
  if (config.lr_schedule != "cosine" || config.epochs <= config.schedule_epochs) return;
  log::warn(text("the learning rate stays at ",
                 learning_rate_in_epoch(config, config.schedule_epochs - 1), " after epoch ",
                 config.schedule_epochs, ", where its schedule ends; --schedule-epochs ",
                 config.epochs, " would span them all"));
}

std::unique_ptr<Learner> make_learner(const SplatVaeConfig& config, const at::Device& device,
                                      bool /*smoke*/) {
  warn_of_schedule(config);
  return std::make_unique<SplatVaeLearner>(config, device);
}

TrainingKind<SplatVaeConfig> kind() {
  return {.name = "splat-vae",
          .description = "Train the splat VAE on pictures.",
          .resume_help =
              "continue the run in --out or in the folder given, with its own options; "
              "with a model file, start from its weights",
          .smoke_help =
              "two steps on generated pictures, to see that everything works; replaces "
              "the smoke run before it in ./runs/smoke, else as --overwrite says",
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

/// The reference's --mode.
std::string fault_of_mode(const std::string& mode) {
  if (mode == "train") return {};
  if (mode == "sample" || mode == "interp") {
    return text("mode ", mode, ": this program trains; use neurosplat-sample splat-vae --mode ",
                mode == "sample" ? "grid" : "interpolate");
  }
  return text("mode: expected train, got '", mode, "'");
}

}  // namespace

void add_train_splat_vae(Program& program) {
  auto& command = add_training(program, kind());
  command
      .add_option_function<std::string>(
          "--mode",
          [](const std::string& mode) {
            if (const auto fault = fault_of_mode(mode); !fault.empty()) throw UsageError(fault);
          },
          "train (the reference's sample and interp are in neurosplat-sample)")
      ->group("Run");
}

}  // namespace neurosplat::apps
