#include "neurosplat/training/splat_predictor_config.h"

namespace neurosplat {

void check(const SplatPredictorConfig& config) {
  check_ranges(config);
  check(config.architecture());
}

}  // namespace neurosplat
