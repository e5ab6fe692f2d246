#include <memory>

#include "neurosplat/program/training_command.h"
#include "neurosplat/systems/waveform/commands.h"
#include "neurosplat/systems/waveform/waveform_config.h"
#include "systems/waveform/waveform_learner.h"

namespace neurosplat::apps {
namespace {

void use_smoke_settings(WaveformConfig& config) {
  config.dataset = "smoke";
  config.image_size = 16;
  config.linear_code = false;  // takes 32 pixels, and seconds to fit
  config.latent = 16;
  config.width = 8;
  config.electrodes = 4;
  config.repeats = 1;
  config.batch = 4;
  config.epochs = 1;
  config.image_epochs = 0;
  config.joint_epochs = 0;
  config.max_steps = 2;
  config.held_out_pictures = 16;
  config.device = "cpu";
  config.out = "./runs/smoke-waveform-ae";
}

bool is_smoke(const WaveformConfig& config) {
  return config.dataset == "smoke" && config.max_steps > 0;
}

std::filesystem::path folder_read(const WaveformConfig& config) {
  return config.dataset == "folder" || config.recording != "simulated" ? config.data
                                                                       : std::filesystem::path();
}

void settle(WaveformConfig& config, const WaveformConfig* resumed) {
  if (config.schedule_epochs == 0 && resumed != nullptr) {
    config.schedule_epochs = resumed->schedule_epochs;
  }
  settle_schedule(config);
}

std::unique_ptr<Learner> make_learner(const WaveformConfig& config, const at::Device& device,
                                      bool /*smoke*/) {
  return std::make_unique<WaveformLearner>(config, device);
}

TrainingKind<WaveformConfig> kind() {
  return {
      .name = "waveform-ae",
      .description =
          "Train four networks: picture to latent, latent to the waveforms of electrodes in V1, "
          "waveforms to latent, latent to picture.",
      .resume_help =
          "continue the run in --out or in the folder given, with its own options; with a "
          "model file, start from its weights",
      .smoke_help =
          "two steps on generated pictures, to see that everything works; replaces the smoke "
          "run before it in ./runs/smoke-waveform-ae, else as --overwrite says",
      .aliases = {{"data", "data_dir"}},
      .use_smoke_settings = use_smoke_settings,
      .is_smoke = is_smoke,
      .folder_read = folder_read,
      .models = {"model.safetensors"},
      .sheets = {"recon_###.png"},
      .takes_weights = true,
      .settle = settle,
      .make_learner = make_learner};
}

}  // namespace

void add_train_waveform(Program& program) {
  add_training(program, kind());
}

}  // namespace neurosplat::apps
