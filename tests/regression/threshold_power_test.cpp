#include "neurosplat/regression/threshold_power.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include "neurosplat/core/error.h"

namespace neurosplat {
namespace {

TEST(ThresholdPower, FindsWhatMadeTheData) {
  const auto x = at::randn({4000, 2}, at::detail::createCPUGenerator(3)).to(at::kDouble);
  const auto half = at::quantile(x, 0.5, 0);
  // Exactly one of those that are tried.
  const auto y = at::stack({2 + 3 * (x.select(1, 0) - half[0]).clamp_min(0).square(),
                            1 + 0.5 * (x.select(1, 1) - half[1]).clamp_min(0)},
                           1);
  const auto found = fit_threshold_power(x, y);
  EXPECT_NEAR(found.exponent[0].item<double>(), 2, 1e-12);
  EXPECT_NEAR(found.exponent[1].item<double>(), 1, 1e-12);
  EXPECT_TRUE(found(x).allclose(y, 1e-9, 1e-9));
  EXPECT_TRUE(found.base.allclose(at::tensor({2.0, 1.0}, at::kDouble), 1e-9, 1e-9));
}

/// What falls with x has no rising curve: the mean is the best.
TEST(ThresholdPower, GainIsNeverNegative) {
  const auto x = at::randn({500, 1}, at::detail::createCPUGenerator(3)).to(at::kDouble);
  const auto found = fit_threshold_power(x, -x);
  EXPECT_EQ(found.gain.item<double>(), 0);
  EXPECT_TRUE(found(x).allclose((-x).mean().expand({500, 1})));
  const auto flat = fit_threshold_power(at::ones({5, 1}), at::ones({5, 1}));
  EXPECT_TRUE(flat(at::ones({2, 1})).allclose(at::ones({2, 1}, at::kDouble)));
  EXPECT_THROW(fit_threshold_power(x, x.t()), Error);
}

}  // namespace
}  // namespace neurosplat
