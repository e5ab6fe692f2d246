#include "neurosplat/systems/splat_vae/splat_vae_config.h"

#include "neurosplat/training/schedule.h"

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
  if (span < 2) return config.lr;
  const Schedule schedule{
      .kind = schedule_from_name(config.lr_schedule), .span = span - 1, .floor = 0.01};
  return config.lr * schedule.factor(epoch);
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

}  // namespace neurosplat
