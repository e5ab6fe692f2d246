#include "train/splat_vae.h"

#include <ATen/Parallel.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "common/config_options.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/interrupt.h"
#include "neurosplat/core/log.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/model_file.h"
#include "neurosplat/models/device.h"
#include "neurosplat/training/splat_vae_config.h"
#include "neurosplat/training/splat_vae_trainer.h"
#include "train/run_folder.h"

namespace neurosplat::apps {
namespace {

namespace fs = std::filesystem;

/// What stands on the command line beside the configuration's own options.
struct Request {
  SplatVaeConfig config;
  std::string config_file;
  std::string mode = "train";
  std::string resume_path;
  bool resume = false;
  bool smoke = false;
  bool overwrite = false;
  const CLI::Option* out = nullptr;
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

void say_what_was_chosen(const SplatVaeConfig& config) {
  const auto device = device_from_name(config.device);
  const bool amp = config.amp == "on" || (config.amp == "auto" && !device.is_cpu());
  log::info(text("device ", device.str(), config.device == "auto" ? " (auto)" : "", ", ",
                 at::get_num_threads(), " CPU threads, networks in ", amp ? "bf16" : "float32",
                 ", run folder ", config.out.string()));
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
  check(request.config);
  const bool continues =
      request.resume && (request.resume_path.empty() || fs::is_directory(request.resume_path));
  if (continues && request.out->count() > 0 && !request.resume_path.empty() &&
      fs::path(request.resume_path) != request.config.out) {
    throw UsageError("--resume FOLDER continues in that folder: leave --out away");
  }
  use_threads(request.config.threads);
  say_what_was_chosen(request.config);
  std::optional<SplatVae> weights;
  if (request.resume && !continues) weights = load_splat_vae(request.resume_path);
  if (!continues) prepare_run_folder(request.config.out, request.overwrite || request.smoke);
  SplatVaeTrainer trainer(request.config);
  if (continues) trainer.resume();
  if (weights) {
    trainer.start_from(*weights);
    log::info(
        text("starting from the weights of ", request.resume_path, " with a fresh optimiser"));
  }
  const auto outcome = trainer.run();
  if (outcome == SplatVaeTrainer::Outcome::interrupted) {
    log::warn(text("interrupted: saved; continue with --resume ", request.config.out.string()));
    return InterruptGuard::exit_code();
  }
  if (request.smoke) {
    std::printf("smoke: ok, rec %.5f, kl %.3f nats\n", trainer.last_rec(), trainer.last_kl());
  } else {
    std::printf("done: %s\n", (request.config.out / "model.safetensors").c_str());
  }
  return 0;
}

}  // namespace

void add_train_splat_vae(Program& program) {
  const auto request = std::make_shared<Request>();
  read_files_named_by<SplatVaeConfig>(program.arguments_of("splat-vae"), request->config,
                                      use_smoke_settings);
  auto& command = program.add("splat-vae", "Train the splat VAE on pictures.",
                              [request] { return train(*request); });
  command.add_option("--config", request->config_file,
                     "JSON file of options, named as here; flags override it");
  const auto* resume =
      command
          .add_option("--resume", request->resume_path,
                      "continue the run in --out or in the folder given; with a model file, start "
                      "from its weights")
          ->expected(0, 1);
  command.add_flag("--overwrite", request->overwrite, "replace a run that --out holds already");
  command.add_flag("--smoke", request->smoke,
                   "two steps on generated pictures, to see that everything works");
  command.add_option("--mode", request->mode,
                     "train (the reference's sample and interp are in "
                     "neurosplat-sample)");
  add_config_options(command, request->config, {{"data", "data_dir"}});
  let_amp_be_a_flag(command, request->config.amp);
  request->out = command.get_option("--out");
  command.parse_complete_callback([request, resume] { request->resume = resume->count() > 0; });
}

}  // namespace neurosplat::apps
