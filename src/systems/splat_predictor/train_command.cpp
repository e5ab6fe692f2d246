#include "neurosplat/systems/splat_predictor/commands.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include "neurosplat/core/device.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/interrupt.h"
#include "neurosplat/core/log.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/frame_source.h"
#include "neurosplat/program/training_command.h"
#include "neurosplat/systems/splat_predictor/splat_predictor_config.h"
#include "neurosplat/systems/splat_predictor/splat_predictor_trainer.h"

namespace neurosplat::apps {
namespace {

namespace fs = std::filesystem;

constexpr int kSmokeFrames = 12;

using Request = TrainingRequest<SplatPredictorConfig>;

void use_smoke_settings(SplatPredictorConfig& config) {
  config.out = "./runs/smoke-temporal";
  config.image_size = 32;
  config.num_packets = 16;
  config.batch = 4;
  config.epochs = 1;
  config.device = "cpu";
  config.max_steps = 2;
}

/// Nothing else trains on frames from nowhere.
bool is_smoke(const SplatPredictorConfig& config) {
  return config.video.empty() && config.frames_dir.empty();
}

fs::path folder_read(const SplatPredictorConfig& config) {
  return config.frames_dir;
}

constexpr TrainingKind<SplatPredictorConfig> kKind = {use_smoke_settings, is_smoke, folder_read,
                                                      /*takes_weights=*/false};

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

std::unique_ptr<FrameSource> open_frames(const SplatPredictorConfig& config, bool smoke) {
  if (smoke) return std::make_unique<SpotFrames>();
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
  const auto run = prepare_run(request, kKind);
  use_threads(run.config.threads);
  const auto device = device_from_name(run.config.device);
  log::info(text("device ", device.str(), ", ", at::get_num_threads(), " CPU threads, run folder ",
                 run.config.out.string()));
  const auto source = open_frames(run.config, request.smoke);
  SplatPredictorTrainer trainer(run.config, *source);
  if (run.continues) {
    trainer.resume(request.accept_changed_data);
  } else {
    run.folder->clear();
  }
  if (trainer.run() == SplatPredictorTrainer::Outcome::interrupted) {
    log::warn(text("interrupted: saved; continue with --resume ", run.config.out.string()));
    return InterruptGuard::exit_code();
  }
  const auto last = trainer.last();
  if (request.smoke) {
    std::printf("smoke: ok, rec %.5f, pred %.5f (copy %.5f), kl %.3f nats\n", last.rec, last.pred,
                last.persistence, last.kl);
  } else {
    std::printf("done: model.safetensors and koopman.safetensors in %s\n", run.config.out.c_str());
  }
  return 0;
}

}  // namespace

void add_train_splat_predictor(Program& program) {
  const auto request = std::make_shared<Request>();
  auto& command = program.add("splat-predictor",
                              "Train a splat VAE and an operator that foresees the next frame.",
                              [request] { return train(*request); });
  add_training_options(command, *request,
                       "continue the run in --out or in the folder given, with its own options",
                       "two steps on generated frames, to see that everything works; replaces the "
                       "smoke run before it in ./runs/smoke-temporal, else as --overwrite says");
}

}  // namespace neurosplat::apps
