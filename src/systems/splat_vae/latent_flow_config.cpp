#include "neurosplat/systems/splat_vae/latent_flow_config.h"

namespace neurosplat {

void check(const LatentFlowConfig& config) {
  check_ranges(config);
  check(LatentFlowSizes{.width = config.width, .depth = config.depth});
}

}  // namespace neurosplat
