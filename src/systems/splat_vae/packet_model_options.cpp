#include "neurosplat/systems/splat_vae/packet_model_options.h"

#include "neurosplat/training/schedule.h"

namespace neurosplat {

double beta_in_epoch(const KlOptions& options, std::int64_t epoch) {
  return options.beta * Schedule{.warmup = options.beta_warmup}.factor(epoch);
}

}  // namespace neurosplat
