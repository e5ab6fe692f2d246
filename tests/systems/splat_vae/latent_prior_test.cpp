#include "neurosplat/systems/splat_vae/latent_prior.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <cmath>

#include "neurosplat/core/error.h"

namespace neurosplat {
namespace {

// Four means whose covariance is known by hand: 2/3 * diag(4, 1) * ... of (+-2, 0), (0, +-1).
TEST(LatentPrior, AddsThePosteriorsSpreadToThatOfTheirMeans) {
  const auto means = at::tensor({3., 5., -1., 5., 1., 6., 1., 4.}).view({4, 2});
  const auto log_variances = at::full({4, 2}, std::log(0.5));
  const auto prior = fit_latent_prior({means, log_variances});
  EXPECT_TRUE(at::allclose(prior.mean, at::tensor({1.f, 5.f})));
  const auto covariance = at::matmul(prior.factor, prior.factor.t());
  const auto expected = at::tensor({8.f / 3 + 0.5f, 0.f, 0.f, 2.f / 3 + 0.5f}).view({2, 2});
  EXPECT_TRUE(at::allclose(covariance, expected, 1e-5, 1e-6)) << covariance;
}

// 40,000 draws: each entry within 4.9 standard errors with probability 1 - 1e-6.
TEST(LatentPrior, DrawsFollowIt) {
  const auto mixing = at::tensor({2.f, 0.f, 1.f, 0.5f}).view({2, 2});
  const auto means =
      at::matmul(at::randn({500, 2}, at::detail::createCPUGenerator(1), at::kFloat), mixing.t()) +
      3;
  const auto prior = fit_latent_prior({means, at::full({500, 2}, -20.0)});
  const auto drawn =
      with_prior(prior, at::randn({40000, 2}, at::detail::createCPUGenerator(2), at::kFloat));
  const auto expected = at::cov(means.t());
  EXPECT_LT((drawn.mean(0) - means.mean(0)).abs().max().item<double>(), 4.9 * 2.1 / 200);
  EXPECT_LT((at::cov(drawn.t()) - expected).abs().max().item<double>(), 4.9 * 1.5 * 4.5 / 200);
}

TEST(LatentPrior, RefusesTooFewPictures) {
  EXPECT_THROW(fit_latent_prior({at::zeros({4, 4}), at::zeros({4, 4})}), Error);
}

TEST(LatentPrior, RefusesTensorsOfAnotherSizeOrNotFinite) {
  const auto of = [](const at::Tensor& mean, const at::Tensor& factor) {
    return prior_of({{"prior.mean", mean}, {"prior.factor", factor}}, 3);
  };
  EXPECT_TRUE(of(at::zeros({3}), at::eye(3)).has_value());
  EXPECT_FALSE(prior_of({}, 3).has_value());
  EXPECT_THROW(of(at::zeros({4}), at::eye(4)), Error);
  EXPECT_THROW(of(at::full({3}, NAN), at::eye(3)), Error);
}

}  // namespace
}  // namespace neurosplat
