#include <gtest/gtest.h>

#include "neurosplat/systems/splat_predictor/splat_predictor_config.h"
#include "training/well_described.h"

namespace neurosplat {
namespace {

TEST(SplatPredictorOptions, AreDescribedOnceAndByThemselves) {
  testing::expect_well_described<SplatPredictorConfig>();
}

}  // namespace
}  // namespace neurosplat
