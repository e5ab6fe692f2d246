#include "neurosplat/training/natural_gradient.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <utility>

#include "neurosplat/core/error.h"

namespace neurosplat {
namespace {

constexpr std::int64_t kNumbers = 5, kSamples = 64;

/// A posterior, another Gaussian as its prior, and noise for the mean over samples; double.
struct Case {
  GaussianState state, prior;
  at::Tensor noise;  ///< [kSamples, kNumbers]
};

Case some_case(std::uint64_t seed = 4) {
  auto generator = at::detail::createCPUGenerator(seed);
  const auto draw = [&](at::IntArrayRef shape) { return at::randn(shape, generator, at::kDouble); };
  return {{draw({kNumbers}), 0.4 * draw({kNumbers}) - 0.5},
          {draw({kNumbers}), 0.4 * draw({kNumbers})},
          draw({kSamples, kNumbers})};
}

at::Tensor z_of(const GaussianState& state, const at::Tensor& noise) {
  return state.mean + at::exp(state.log_sigma) * noise;
}

/// An energy whose numbers meet and whose curvature changes: sum of z^4/8 + z^2/2 + sin(z_i z_i+1).
double energy(const at::Tensor& z) {
  const auto meet = z.slice(-1, 1) * z.slice(-1, 0, kNumbers - 1);
  return (z.pow(4) / 8 + z.square() / 2).sum().item<double>() + meet.sin().sum().item<double>();
}

at::Tensor drive_at(const at::Tensor& z) {
  auto slope = z.pow(3) / 2 + z;
  const auto left = z.slice(-1, 0, kNumbers - 1), right = z.slice(-1, 1);
  const auto cosine = (left * right).cos();
  slope.slice(-1, 0, kNumbers - 1).add_(right * cosine);
  slope.slice(-1, 1).add_(left * cosine);
  return -slope;
}

/// F of the header, the mean over these samples; KL by its closed form.
double free_energy(const GaussianState& q, const Case& at, double leak) {
  const auto ratio = at::exp(2 * (q.log_sigma - at.prior.log_sigma));
  const auto shift = ((q.mean - at.prior.mean) / at::exp(at.prior.log_sigma)).square();
  const auto kl = 0.5 * (shift + ratio - 1) - (q.log_sigma - at.prior.log_sigma);
  return energy(z_of(q, at.noise)) / kSamples + leak * kl.sum().item<double>();
}

/// dF by central differences, in the mean or in log sigma.
at::Tensor slope_of(const Case& at, double leak, bool of_mean) {
  constexpr double kStep = 1e-5;
  const auto slope = at::empty({kNumbers}, at::kDouble);
  for (std::int64_t i = 0; i < kNumbers; ++i) {
    const auto moved = [&](double by) {
      GaussianState q{at.state.mean.clone(), at.state.log_sigma.clone()};
      (of_mean ? q.mean : q.log_sigma)[i] += by;
      return free_energy(q, at, leak);
    };
    slope[i] = (moved(kStep) - moved(-kStep)) / (2 * kStep);
  }
  return slope;
}

TEST(NaturalGradient, IsMinusTheInverseFisherTimesTheSlopeOfTheFreeEnergy) {
  const auto at = some_case();
  const auto drive = drive_at(z_of(at.state, at.noise));
  for (const double leak : {0.0, 1.0, 0.3}) {
    const auto change = natural_descent(at.state, at.prior, drive, at.noise, leak);
    const auto variance = at::exp(2 * at.state.log_sigma);
    EXPECT_TRUE(at::allclose(change.mean, -variance * slope_of(at, leak, true), 1e-7, 1e-8));
    EXPECT_TRUE(at::allclose(change.log_sigma, -0.5 * slope_of(at, leak, false), 1e-7, 1e-8));
  }
}

/// The Fisher information that the rule inverts, as the curvature of KL(q || q') at q' = q, where
/// q' moves; by second differences of the closed form.
TEST(NaturalGradient, TheFisherInformationIsTheCurvatureOfTheDivergence) {
  const double sigma = 0.7, mean = 0.4;
  const auto kl = [&](double dm, double dx) {
    const double other = sigma * std::exp(dx);
    return dx + (sigma * sigma + dm * dm) / (2 * other * other) - 0.5;
  };
  constexpr double kStep = 1e-4;
  const double of_mean = (kl(kStep, 0) + kl(-kStep, 0) - 2 * kl(0, 0)) / (kStep * kStep);
  const double of_log_sigma = (kl(0, kStep) + kl(0, -kStep) - 2 * kl(0, 0)) / (kStep * kStep);
  const GaussianState q{at::full({1}, mean, at::kDouble),
                        at::full({1}, std::log(sigma), at::kDouble)};
  // A drive of 1 at noise 1 is a slope of (-1, -sigma).
  const auto one = at::ones({1}, at::kDouble);
  const auto change = natural_descent(q, q, one, one, 1);
  EXPECT_NEAR(change.mean.item<double>(), 1 / of_mean, 1e-6);
  EXPECT_NEAR(change.log_sigma.item<double>(), sigma / of_log_sigma, 1e-6);
}

/// Of a quadratic energy E = h (z - t)^2 / 2 the posterior is known; small steps end there.
TEST(NaturalGradient, EndsAtThePosteriorOfBayesRule) {
  const auto at = some_case(9);
  const auto curvature = at::full({kNumbers}, 3.0, at::kDouble);
  const auto target = at::linspace(-2, 2, kNumbers, at::kDouble);
  const auto noise = at::cat({at::ones({1, kNumbers}, at::kDouble),
                              -at::ones({1, kNumbers}, at::kDouble)});  // mean 0, variance 1
  auto state = at.state;
  const GaussianStep step{.rate_mean = 0.2, .rate_log_sigma = 0.2, .leak = 1};
  for (int i = 0; i < 300; ++i) {
    const auto drive = -curvature * (z_of(state, noise) - target);
    state = natural_step(state, at.prior, drive, noise, step);
  }
  const auto prior_precision = at::exp(-2 * at.prior.log_sigma);
  const auto precision = prior_precision + curvature;
  const auto mean = (prior_precision * at.prior.mean + curvature * target) / precision;
  EXPECT_TRUE(at::allclose(state.mean, mean, 1e-8, 1e-8));
  EXPECT_TRUE(at::allclose(state.log_sigma, -0.5 * precision.log(), 1e-8, 1e-8));
}

TEST(NaturalGradient, TheLeakVanishesAtThePrior) {
  const auto at = some_case();
  const auto drive = drive_at(z_of(at.state, at.noise));
  const auto without = natural_descent(at.state, at.state, drive, at.noise, 0);
  const auto with = natural_descent(at.state, at.state, drive, at.noise, 5);
  EXPECT_TRUE(at::equal(without.mean, with.mean));
  EXPECT_TRUE(at::equal(without.log_sigma, with.log_sigma));
}

TEST(NaturalGradient, OneSampleMayLackTheDimension) {
  const auto at = some_case();
  const auto noise = at.noise[0], drive = drive_at(z_of(at.state, noise));
  const auto one = natural_descent(at.state, at.prior, drive, noise, 1);
  const auto same = natural_descent(at.state, at.prior, drive.unsqueeze(0), noise.unsqueeze(0), 1);
  EXPECT_TRUE(at::equal(one.mean, same.mean));
  EXPECT_TRUE(at::equal(one.log_sigma, same.log_sigma));
}

TEST(NaturalGradient, ClampsTheChangeThenTheState) {
  const GaussianState at_zero{at::full({1}, 0.5, at::kDouble), at::zeros({1}, at::kDouble)};
  const auto stepped = [&](double drive, const GaussianStep& step) {
    const auto after = natural_step(at_zero, at_zero, at::full({1}, drive, at::kDouble),
                                    at::ones({1}, at::kDouble), step);
    return std::pair(after.mean.item<double>(), after.log_sigma.item<double>());
  };
  // sigma is 1: the raw change is (drive, drive / 2).
  const auto [mean, log_sigma] = stepped(4, {});
  EXPECT_NEAR(mean, 0.5 + 7 * std::tanh(4.0 / 7), 1e-12);
  EXPECT_NEAR(log_sigma, 3 * std::tanh(2.0 / 3), 1e-12);
  const auto [far, wide] = stepped(1e9, {});
  EXPECT_NEAR(far, 7.5, 1e-12);
  EXPECT_NEAR(wide, 3, 1e-12);
  const GaussianStep held{.rate_mean = 2,
                          .rate_log_sigma = 0.5,
                          .largest_mean_change = 5,
                          .largest_log_sigma_change = 4,
                          .largest_mean = 6,
                          .largest_log_sigma = 2};
  const auto [held_mean, held_log_sigma] = stepped(-3, held);
  EXPECT_NEAR(held_mean, 6 * std::tanh((0.5 + 5 * std::tanh(-6.0 / 5)) / 6), 1e-12);
  EXPECT_NEAR(held_log_sigma, 2 * std::tanh(4 * std::tanh(-0.75 / 4) / 2), 1e-12);
  constexpr double kNone = std::numeric_limits<double>::infinity();
  EXPECT_EQ(stepped(40, {.largest_mean_change = kNone}).first, 40.5);
}

TEST(NaturalGradient, LeavesItsArgumentsAsTheyAre) {
  const auto at = some_case();
  const auto mean = at.state.mean.clone(), log_sigma = at.state.log_sigma.clone();
  natural_step(at.state, at.state, drive_at(z_of(at.state, at.noise)), at.noise, {.leak = 1});
  EXPECT_TRUE(at::equal(at.state.mean, mean));
  EXPECT_TRUE(at::equal(at.state.log_sigma, log_sigma));
}

TEST(NaturalGradient, RefusesWhatDoesNotFit) {
  const auto zeros = [](at::IntArrayRef shape) { return at::zeros(shape, at::kDouble); };
  const GaussianState three{zeros({3}), zeros({3})}, four{zeros({4}), zeros({4})};
  const auto refused = [&](const GaussianState& state, const GaussianState& prior,
                           const at::Tensor& drive, const at::Tensor& noise,
                           const GaussianStep& step = {}) {
    EXPECT_THROW(natural_step(state, prior, drive, noise, step), UsageError);
  };
  refused(three, four, zeros({3}), zeros({3}));
  refused({three.mean, four.log_sigma}, three, zeros({3}), zeros({3}));
  refused(three, three, zeros({4}), zeros({4}));
  refused(three, three, zeros({3}), zeros({2, 3}));
  refused(three, three, zeros({0, 3}), zeros({0, 3}));
  refused(three, three, zeros({2, 2, 3}), zeros({2, 2, 3}));
  for (const auto& step :
       {GaussianStep{.rate_mean = -1}, GaussianStep{.rate_log_sigma = NAN},
        GaussianStep{.leak = -1}, GaussianStep{.largest_mean_change = 0},
        GaussianStep{.largest_log_sigma_change = NAN}, GaussianStep{.largest_mean = -2}}) {
    refused(three, three, zeros({3}), zeros({3}), step);
  }
}

}  // namespace
}  // namespace neurosplat
