#include "train/splat_predictor.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include "common/config_options.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/interrupt.h"
#include "neurosplat/core/log.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/frame_source.h"
#include "neurosplat/models/device.h"
#include "neurosplat/training/splat_predictor_config.h"
#include "neurosplat/training/splat_predictor_trainer.h"
#include "train/run_folder.h"

namespace neurosplat::apps {
namespace {

namespace fs = std::filesystem;

constexpr int kSmokeFrames = 12;

/// What stands on the command line beside the configuration's own options.
struct Request {
  SplatPredictorConfig config;
  std::string config_file, resume_path;
  bool resume = false, smoke = false, overwrite = false;
  const CLI::Option* out = nullptr;
};

void use_smoke_settings(SplatPredictorConfig& config) {
  config.out = "./runs/smoke-temporal";
  config.image_size = 32;
  config.num_packets = 16;
  config.batch = 4;
  config.epochs = 1;
  config.device = "cpu";
  config.max_steps = 2;
}

/// A bright spot that goes round, for --smoke.
class SpotFrames : public FrameSource {
 public:
  std::optional<Frame> next() override {
    if (given_ == kSmokeFrames) return std::nullopt;
    constexpr std::int64_t kSide = 48;
    const double angle = 0.5 * given_++;
    const auto axis = at::arange(kSide, at::kFloat);
    const auto slope = [&](double centre) { return at::exp(-(axis - centre).square() / 60.0); };
    const auto spot =
        at::outer(slope(24.0 + 10.0 * std::sin(angle)), slope(24.0 + 10.0 * std::cos(angle)));
    const auto grey = spot.mul(200.0).add(20.0).to(at::kByte);
    return Frame{grey.unsqueeze(0).expand({3, kSide, kSide}).contiguous(), ""};
  }
  double frames_per_second() const override { return 25.0; }
  std::int64_t frame_count() const override { return kSmokeFrames; }
  std::string description() const override { return "a moving spot"; }

 private:
  int given_ = 0;
};

std::unique_ptr<FrameSource> open_frames(const Request& request) {
  const auto& config = request.config;
  if (request.smoke) return std::make_unique<SpotFrames>();
  if (config.video.empty() == config.frames_dir.empty()) {
    throw UsageError("expected one of --video FILE, --frames-dir DIR and --smoke");
  }
  const auto& given = config.video.empty() ? config.frames_dir : config.video;
  std::error_code ignored;
  if (fs::exists(given, ignored) && fs::is_directory(given, ignored) == config.frames_dir.empty()) {
    throw UsageError(config.video.empty()
                         ? text("frames-dir: expected a folder, ", given, " is a file")
                         : text("video: expected a file, ", given, " is a folder"));
  }
  return open_frame_source(given);
}

int train(const Request& request) {
  check(request.config);
  const bool continues = request.resume;
  if (continues && !request.resume_path.empty()) {
    if (!fs::is_directory(request.resume_path)) {
      throw UsageError(text("--resume: expected the folder of a run, got ", request.resume_path));
    }
    if (request.out->count() > 0 && fs::path(request.resume_path) != request.config.out) {
      throw UsageError("--resume FOLDER continues in that folder: leave --out away");
    }
  }
  use_threads(request.config.threads);
  const auto device = device_from_name(request.config.device);
  log::info(text("device ", device.str(), ", ", at::get_num_threads(), " CPU threads, run folder ",
                 request.config.out.string()));
  const auto source = open_frames(request);
  if (!continues) {
    prepare_run_folder(request.config.out, request.overwrite || request.smoke);
  }
  SplatPredictorTrainer trainer(request.config, *source);
  if (continues) trainer.resume();
  if (trainer.run() == SplatPredictorTrainer::Outcome::interrupted) {
    log::warn(text("interrupted: saved; continue with --resume ", request.config.out.string()));
    return InterruptGuard::exit_code();
  }
  const auto last = trainer.last();
  if (request.smoke) {
    std::printf("smoke: ok, rec %.5f, pred %.5f (copy %.5f), kl %.3f nats\n", last.rec, last.pred,
                last.persistence, last.kl);
  } else {
    std::printf("done: model.safetensors and koopman.safetensors in %s\n",
                request.config.out.c_str());
  }
  return 0;
}

}  // namespace

void add_train_splat_predictor(Program& program) {
  const auto request = std::make_shared<Request>();
  read_files_named_by<SplatPredictorConfig>(program.arguments_of("splat-predictor"),
                                            request->config, use_smoke_settings);
  auto& command = program.add("splat-predictor",
                              "Train a splat VAE and an operator that foresees the next frame.",
                              [request] { return train(*request); });
  command.add_option("--config", request->config_file,
                     "JSON file of options, named as here; flags override it");
  const auto* resume = command
                           .add_option("--resume", request->resume_path,
                                       "continue the run in --out or in the folder given")
                           ->expected(0, 1);
  command.add_flag("--overwrite", request->overwrite, "replace a run that --out holds already");
  command.add_flag("--smoke", request->smoke,
                   "two steps on generated frames, to see that everything works");
  add_config_options(command, request->config);
  let_amp_be_a_flag(command, request->config.amp);
  request->out = command.get_option("--out");
  command.parse_complete_callback([request, resume] { request->resume = resume->count() > 0; });
}

}  // namespace neurosplat::apps
