#include "neurosplat/metrics/gaussian_blur.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "neurosplat/core/error.h"

namespace neurosplat {
namespace {

// Away from the edges blurring a wave scales it by the Gaussian's Fourier transform.
TEST(GaussianBlur, DampsAWave) {
  const auto x = at::arange(200, at::kDouble).view({1, 200}).expand({120, 200});
  const auto wave = at::sin(0.2 * x);
  const auto blurred = gaussian_blur(wave, 3.0).narrow(1, 40, 120);
  const auto expected = std::exp(-0.5 * 0.04 * 9.0) * wave.narrow(1, 40, 120);
  EXPECT_LT((blurred - expected).abs().max().item<double>(), 1e-4);  // cut at four sigma
}

TEST(GaussianBlur, MirrorsAtTheEdges) {
  auto impulse = at::zeros({1, 5}, at::kDouble);
  impulse[0][0] = 1.0;
  const auto blurred = gaussian_blur(impulse, 1.0);  // radius 4
  double sum = 0.0;
  for (int d = -4; d <= 4; ++d) sum += std::exp(-0.5 * d * d);
  const auto weight = [&](int d) { return std::exp(-0.5 * d * d) / sum; };
  // Pixel 0 is met again at -1; pixel 3 sees it at distances 3 and 4.
  EXPECT_NEAR(blurred[0][0].item<double>(), weight(0) + weight(1), 1e-15);
  EXPECT_NEAR(blurred[0][3].item<double>(), weight(3) + weight(4), 1e-15);
  EXPECT_NEAR(blurred.sum().item<double>(), 1.0, 1e-14);
}

TEST(GaussianBlur, KeepsAConstantWhateverTheSize) {
  for (const double sigma : {0.0, 0.3, 5.0, 40.0}) {
    const auto flat = at::full({7, 30}, 0.25, at::kDouble);
    EXPECT_LT((gaussian_blur(flat, sigma) - 0.25).abs().max().item<double>(), 1e-14);
  }
  EXPECT_THROW(gaussian_blur(at::zeros({4, 4}), -1.0), UsageError);
  EXPECT_THROW(gaussian_blur(at::zeros({2, 4, 4}), 1.0), UsageError);
}

}  // namespace
}  // namespace neurosplat
