#include "neurosplat/systems/splat_predictor/splat_predictor_config.h"

namespace neurosplat {

void check(const SplatPredictorConfig& config) {
  check_ranges(config);
  check(config.architecture());
}

}  // namespace neurosplat
