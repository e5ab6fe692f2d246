#include "neurosplat/systems/iterative_vae/lca_measurement.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "neurosplat/core/error.h"
#include "systems/iterative_vae/tiny_model.h"

namespace neurosplat {
namespace {

// With columns at right angles a code is the patch itself, less lambda in size, once it has
// settled.
TEST(LcaMeasurement, OfAnOrthogonalDictionaryIsKnown) {
  constexpr double kLambda = 0.6;
  const auto patches = testing::random_patches(11, 16, 1);
  const auto exact = patches.to(at::kDouble);
  const auto codes = at::sign(exact) * (exact.abs() - kLambda).clamp_min(0.0);
  const auto spread = (exact - exact.mean(1, true)).square().sum(1);
  const auto r2 = 1.0 - (exact - codes).square().sum(1) / spread;
  const double zeros = (codes == 0).to(at::kDouble).mean().item<double>();
  for (const std::int64_t block : {4, 11, 100}) {
    const auto scores = measure_lca(at::eye(16), patches, {.lambda = kLambda}, block);
    EXPECT_NEAR(scores.r2, r2.mean().item<double>(), 1e-3) << block;
    EXPECT_NEAR(scores.zeros, zeros, 0.5 / (16 * 11)) << block;
  }
  EXPECT_THROW(measure_lca(at::eye(16), patches, {}, 0), UsageError);
}

TEST(LcaMeasurement, LambdaIsReachedInTheEpochsThereAre) {
  for (const std::int64_t epochs : {6, 13, 30, 100}) {
    const auto settings = LcaMeasurement{.epochs = epochs}.learning(20000);
    EXPECT_DOUBLE_EQ(lambda_of_epoch(settings, epochs - 1), settings.inference.lambda) << epochs;
    EXPECT_DOUBLE_EQ(lambda_of_epoch(settings, 0), settings.first_lambda) << epochs;
    // As many time constants as published.
    EXPECT_DOUBLE_EQ(static_cast<double>(settings.inference.iterations) / settings.inference.tau,
                     9.0);
  }
  EXPECT_EQ(LcaMeasurement{.epochs = 100}.learning(20000).epochs_per_lambda, 5);
  EXPECT_EQ(LcaMeasurement{}.learning(7).batch, 7);
}

}  // namespace
}  // namespace neurosplat
