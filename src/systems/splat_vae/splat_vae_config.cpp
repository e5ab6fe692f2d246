#include "neurosplat/systems/splat_vae/splat_vae_config.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace neurosplat {

void check(const SplatVaeConfig& config) {
  check_ranges(config);
  check(config.architecture());
}

void settle_schedule(SplatVaeConfig& config) {
  if (config.schedule_epochs == 0) config.schedule_epochs = config.epochs;
}

double learning_rate_in_epoch(const SplatVaeConfig& config, std::int64_t epoch) {
  const auto span = config.schedule_epochs > 0 ? config.schedule_epochs : config.epochs;
  if (config.lr_schedule == "constant" || span < 2) return config.lr;
  constexpr double kFloor = 0.01;
  const double progress = static_cast<double>(epoch) / static_cast<double>(span - 1);
  const double wave = 0.5 * (1.0 + std::cos(std::numbers::pi * std::min(1.0, progress)));
  return config.lr * (kFloor + (1.0 - kFloor) * wave);
}

void read_saved_options(SplatVaeConfig& config, const nlohmann::json& saved,
                        const std::string& origin) {
  SplatVaeConfig alone;
  alone.split_seed = -1;  // no run has it
  read_options(alone, saved, origin);
  read_options(config, saved, origin);
  if (alone.split_seed < 0) config.split_seed = alone.seed;
  settle_schedule(config);
}

PictureRequest pictures_of(const SplatVaeConfig& config, const std::vector<std::string>& splits) {
  return {.kind = dataset_from_name(config.dataset),
          .root = config.data,
          .splits = splits,
          .seed = static_cast<std::uint64_t>(config.seed),
          .split_seed = static_cast<std::uint64_t>(config.split_seed)};
}

}  // namespace neurosplat
