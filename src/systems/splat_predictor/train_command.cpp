#include "neurosplat/systems/splat_predictor/commands.h"

#include <ATen/ATen.h>
#include <cmath>
#include <filesystem>
#include <memory>
#include <string>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/frame_source.h"
#include "neurosplat/program/training_command.h"
#include "neurosplat/systems/splat_predictor/splat_predictor_config.h"
#include "systems/splat_predictor/splat_predictor_learner.h"

namespace neurosplat::apps {
namespace {

namespace fs = std::filesystem;

constexpr int kSmokeFrames = 12;

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

std::unique_ptr<Learner> make_learner(const SplatPredictorConfig& config, const at::Device& device,
                                      bool smoke) {
  return std::make_unique<SplatPredictorLearner>(config, device, *open_frames(config, smoke));
}

TrainingKind<SplatPredictorConfig> kind() {
  return {.name = "splat-predictor",
          .description = "Train a splat VAE and an operator that foresees the next frame.",
          .resume_help = "continue the run in --out or in the folder given, with its own options",
          .smoke_help =
              "two steps on generated frames, to see that everything works; replaces the "
              "smoke run before it in ./runs/smoke-temporal, else as --overwrite says",
          .aliases = {},
          .use_smoke_settings = use_smoke_settings,
          .is_smoke = is_smoke,
          .folder_read = folder_read,
          .models = {"model.safetensors", "koopman.safetensors"},
          .sheets = {"pred_###.png"},
          .takes_weights = false,
          .settle = [](SplatPredictorConfig&, const SplatPredictorConfig*) {},
          .make_learner = make_learner};
}

}  // namespace

void add_train_splat_predictor(Program& program) {
  add_training(program, kind());
}

}  // namespace neurosplat::apps
