#include "neurosplat/systems/patch_flow/patch_flow_config.h"

#include <algorithm>
#include <cmath>

#include "neurosplat/training/schedule.h"

namespace neurosplat {
namespace {

/// Of every preset's attention.
constexpr std::int64_t kHeadChannels = 64;

}  // namespace

PatchFlowArchitecture PatchFlowConfig::architecture() const {
  auto sizes = patch_flow_preset(preset, head);
  sizes.image_size = image_size;
  sizes.patch = patch;
  sizes.splats = splats;
  sizes.colour_limit = colour_limit;
  sizes.sharing = patches::sharing_from_name(sharing);
  if (kernel != "preset") sizes.kernel = patches::kernel_from_name(kernel);
  if (depth_gain > 0) sizes.depth_gain = depth_gain;
  if (width > 0) {
    sizes.width = width;
    sizes.heads = std::max<std::int64_t>(1, width / kHeadChannels);
  }
  if (depth > 0) sizes.depth = depth;
  sizes.vision = vision;
  sizes.semantic = semantic;
  return sizes;
}

void check(const PatchFlowConfig& config) {
  check_ranges(config);
  check(config.architecture());
}

void settle_schedule(PatchFlowConfig& config) {
  if (config.schedule_epochs == 0) config.schedule_epochs = config.epochs;
}

double learning_rate_share(const PatchFlowConfig& config, std::int64_t step, std::int64_t steps) {
  const Schedule rise{.warmup = config.lr_warmup};
  const auto decay = std::llround(config.lr_decay * static_cast<double>(steps));
  if (decay < 1) return rise.factor(step);
  const Schedule fall{.kind = ScheduleKind::linear, .span = decay, .floor = config.lr_floor};
  return rise.factor(step) * fall.factor(std::max<std::int64_t>(0, step - (steps - decay)));
}

}  // namespace neurosplat
