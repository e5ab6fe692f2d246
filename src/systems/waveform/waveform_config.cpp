#include "neurosplat/systems/waveform/waveform_config.h"

#include <algorithm>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/recordings/recording.h"
#include "neurosplat/training/schedule.h"

namespace neurosplat {
namespace {

constexpr double kJointShare = 0.1, kFloor = 0.01;

/// First epoch of each phase, and the end.
struct Phases {
  std::int64_t waveform, joint, end;
};

Phases phases_of(const WaveformConfig& config) {
  const auto end = config.schedule_epochs > 0 ? config.schedule_epochs : config.epochs;
  return {config.image_epochs, end - config.joint_epochs, end};
}

}  // namespace

WaveformArchitecture WaveformConfig::architecture(std::int64_t recorded_electrodes,
                                                  std::int64_t samples) const {
  auto sizes = waveform_preset(preset);
  sizes.image_size = image_size;
  sizes.electrodes = recorded_electrodes;
  sizes.samples = samples;
  sizes.image_head = image_head;
  sizes.linear_code = sizes.linear_code && linear_code;
  sizes.leaky_skips = leaky_skips;
  if (latent > 0) sizes.latent = latent;
  if (width > 0) sizes.width = width;
  if (waveform_encoder != "preset") sizes.waveform_encoder = waveform_encoder;
  return sizes;
}

ResponseRequest WaveformConfig::request() const {
  return {.recording = recording,
          .images = *this,
          .session = session,
          .side = image_size,
          .electrodes = electrodes,
          .repeats = repeats,
          .most_pictures = most_pictures,
          .pairing = pairing,
          .fold = fold,
          .seed = static_cast<std::uint64_t>(split_seed)};
}

void check(const WaveformConfig& config) {
  check_ranges(config);
  check(config.architecture(config.electrodes, kSnippetSamples));
  const auto span = phases_of(config).end;
  if (config.image_epochs + config.joint_epochs > span) {
    throw UsageError(text("epochs: expected at least those of the image (", config.image_epochs,
                          ") and the joint phase (", config.joint_epochs, "), got ", span));
  }
  if (config.image_head == "splats" && config.preset == "author") {
    throw UsageError("image_head: expected pixels with the author's networks");
  }
}

void settle_schedule(WaveformConfig& config) {
  if (config.schedule_epochs == 0) config.schedule_epochs = config.epochs;
}

WaveformPhase phase_of(const WaveformConfig& config, std::int64_t epoch) {
  const auto phases = phases_of(config);
  epoch = std::min(epoch, phases.end - 1);  // beyond, the last phase stays
  if (epoch < phases.waveform) return WaveformPhase::kImage;
  return epoch < phases.joint ? WaveformPhase::kWaveform : WaveformPhase::kJoint;
}

double learning_rate(const WaveformConfig& config, std::int64_t step, std::int64_t per_epoch) {
  const auto phases = phases_of(config);
  const auto phase = phase_of(config, step / per_epoch);
  const auto first = phase == WaveformPhase::kImage      ? 0
                     : phase == WaveformPhase::kWaveform ? phases.waveform
                                                         : phases.joint;
  const auto end = phase == WaveformPhase::kImage      ? phases.waveform
                   : phase == WaveformPhase::kWaveform ? phases.joint
                                                       : phases.end;
  const auto span = (end - first) * per_epoch;
  const Schedule schedule{
      .kind = ScheduleKind::cosine, .span = span, .warmup = span / 20, .floor = kFloor};
  const double share = schedule.factor(step - first * per_epoch);
  return config.lr * share * (phase == WaveformPhase::kJoint ? kJointShare : 1);
}

}  // namespace neurosplat
