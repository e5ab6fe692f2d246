#include "neurosplat/systems/splat_vae/packet_model_options.h"

#include <algorithm>

namespace neurosplat {

double beta_in_epoch(const KlOptions& options, std::int64_t epoch) {
  const double ramp = static_cast<double>(epoch + 1) / static_cast<double>(options.beta_warmup);
  return options.beta * std::min(1.0, ramp);
}

}  // namespace neurosplat
