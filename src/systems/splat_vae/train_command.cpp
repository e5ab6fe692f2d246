#include "neurosplat/systems/splat_vae/commands.h"

#include <ATen/Parallel.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include "neurosplat/core/device.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/interrupt.h"
#include "neurosplat/core/log.h"
#include "neurosplat/core/text.h"
#include "neurosplat/program/training_command.h"
#include "neurosplat/systems/splat_vae/model_file.h"
#include "neurosplat/systems/splat_vae/splat_vae_config.h"
#include "neurosplat/systems/splat_vae/splat_vae_trainer.h"

namespace neurosplat::apps {
namespace {

namespace fs = std::filesystem;

struct Request : TrainingRequest<SplatVaeConfig> {
  std::string mode = "train";
};

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

fs::path folder_read(const SplatVaeConfig& config) {
  return config.dataset == "folder" ? config.data : fs::path();
}

constexpr TrainingKind<SplatVaeConfig> kKind = {use_smoke_settings, is_smoke, folder_read,
                                                /*takes_weights=*/true};

void say_what_was_chosen(const SplatVaeConfig& config) {
  const auto device = device_from_name(config.device);
  const bool amp = config.amp == "on" || (config.amp == "auto" && !device.is_cpu());
  log::info(text("device ", device.str(), config.device == "auto" ? " (auto)" : "", ", ",
                 at::get_num_threads(), " CPU threads, networks in ", amp ? "bf16" : "float32",
                 ", run folder ", config.out.string()));
  if (config.lr_schedule == "cosine" && config.schedule_epochs > 0 &&
      config.epochs > config.schedule_epochs) {
    log::warn(text("the learning rate stays at ",
                   learning_rate_in_epoch(config, config.schedule_epochs - 1), " after epoch ",
                   config.schedule_epochs, ", where its schedule ends; --schedule-epochs ",
                   config.epochs, " would span them all"));
  }
}

void check_mode(const Request& request) {
  if (request.mode == "train") return;
  if (request.mode == "sample" || request.mode == "interp") {
    throw UsageError(text("mode ", request.mode, ": this program trains; use neurosplat-sample ",
                          "splat-vae --mode ", request.mode == "sample" ? "grid" : "interpolate"));
  }
  throw UsageError(text("mode: expected train, got '", request.mode, "'"));
}

int train(const Request& request) {
  check_mode(request);
  const auto run = prepare_run(request, kKind);
  use_threads(run.config.threads);
  say_what_was_chosen(run.config);
  SplatVaeTrainer trainer(run.config);
  if (run.continues) {
    trainer.resume(request.accept_changed_data);
  } else if (request.has("--resume")) {
    trainer.start_from(load_splat_vae(request.resume_path));
    log::info(
        text("starting from the weights of ", request.resume_path, " with a fresh optimiser"));
  }
  if (!run.continues) run.folder->clear();
  const auto outcome = trainer.run();
  if (outcome == SplatVaeTrainer::Outcome::interrupted) {
    log::warn(text("interrupted: saved; continue with --resume ", run.config.out.string()));
    return InterruptGuard::exit_code();
  }
  if (request.smoke) {
    std::printf("smoke: ok, rec %.5f, kl %.3f nats\n", trainer.last_rec(), trainer.last_kl());
  } else {
    std::printf("done: %s\n", (run.config.out / "model.safetensors").c_str());
  }
  return 0;
}

}  // namespace

void add_train_splat_vae(Program& program) {
  const auto request = std::make_shared<Request>();
  auto& command = program.add("splat-vae", "Train the splat VAE on pictures.",
                              [request] { return train(*request); });
  add_training_options(command, *request,
                       "continue the run in --out or in the folder given, with its own options; "
                       "with a model file, start from its weights",
                       "two steps on generated pictures, to see that everything works; replaces "
                       "the smoke run before it in ./runs/smoke, else as --overwrite says",
                       {{"data", "data_dir"}});
  command.add_option("--mode", request->mode,
                     "train (the reference's sample and interp are in "
                     "neurosplat-sample)");
}

}  // namespace neurosplat::apps
