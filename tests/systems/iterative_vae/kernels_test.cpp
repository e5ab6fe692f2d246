// Samples, divergences and steps of the kernels against closed forms and finite differences.
#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "systems/iterative_vae/counted_noise.h"
#include "systems/iterative_vae/loop/unrolled.h"
#include "systems/iterative_vae/planted_model.h"

namespace neurosplat {
namespace {

using ivae::Counting;

struct Moments {
  double mean, variance, slope, slope_variance, count;
};

/// Of samples at one rate: 2,000 rows of 512.
Moments moments_of(double rate, Counting counting, double temperature, std::uint64_t seed) {
  constexpr int kRows = 2000, kLatents = 512;
  const std::vector<float> log_rate(kLatents, static_cast<float>(std::log(rate)));
  std::vector<float> sample(kLatents), slope(kLatents);
  double sum = 0, squares = 0, slopes = 0, slope_squares = 0;
  for (int row = 0; row < kRows; ++row) {
    ivae::kernels().poisson_sample(
        {kLatents, log_rate.data(), simd::random_key(seed, static_cast<std::uint64_t>(row)),
         counting, static_cast<float>(temperature), 4096, sample.data(), slope.data()});
    for (std::size_t k = 0; k < sample.size(); ++k) {
      const double z = sample[k], s = slope[k];
      sum += z;
      squares += z * z;
      slopes += s;
      slope_squares += s * s;
    }
  }
  const double n = static_cast<double>(kRows) * kLatents, mean = sum / n, slope_mean = slopes / n;
  return {mean, squares / n - mean * mean, slope_mean, slope_squares / n - slope_mean * slope_mean,
          n};
}

/// Arrivals have density `rate` at every time, so a count's mean is rate * integral of the step
/// over time: t log(1 + e^(1/t)) for the sigmoid, 1 for the cubic up to temperature 1, and its
/// derivative by the log-rate is the mean again. Within 4.5 standard errors of a million samples,
/// seeds fixed.
TEST(PoissonSample, HasTheMeanOfItsStepAndSoHasItsSlope) {
  std::uint64_t seed = 1;
  for (const double rate : {0.05, 0.7, 3.0, 11.0}) {
    for (const double temperature : {1.0, 0.3, 0.01}) {
      for (const auto counting : {Counting::sigmoid, Counting::cubic}) {
        const auto found = moments_of(rate, counting, temperature, ++seed);
        const double integral =
            counting == Counting::cubic ? 1 : temperature * std::log1p(std::exp(1 / temperature));
        EXPECT_NEAR(found.mean, rate * integral, 4.5 * std::sqrt(found.variance / found.count))
            << rate << " " << temperature;
        EXPECT_NEAR(found.slope, rate * integral,
                    4.5 * std::sqrt(found.slope_variance / found.count))
            << rate << " " << temperature;
      }
    }
    EXPECT_NEAR(0.01 * std::log1p(std::exp(1 / 0.01)), 1, 0.01);  // the published bias
  }
}

TEST(PoissonSample, HardCountsArePoisson) {
  for (const double rate : {0.02, 0.9, 6.0}) {
    const auto found = moments_of(rate, Counting::hard, 0, 77);
    EXPECT_NEAR(found.mean, rate, 4.5 * std::sqrt(rate / found.count));
    EXPECT_NEAR(found.variance, rate, 4.5 * std::sqrt((rate + 2 * rate * rate) / found.count));
  }
}

TEST(PoissonSample, IsTheSameForEveryWidthOfVectors) {
  // The stand-in draws number by number.
  ivae::LoopSettings settings;
  settings.seed = 12;
  testing::CountedNoise noise(settings);
  const auto rates = at::rand({1, 64}, at::detail::createCPUGenerator(3), at::kDouble) * 4 + 0.01;
  const auto log_rate = rates.log().to(at::kFloat).contiguous();
  std::vector<float> sample(64);
  ivae::kernels().poisson_sample({64, log_rate.const_data_ptr<float>(), settings.key(0, 5),
                                  Counting::hard, 0, 64, sample.data(), nullptr});
  const auto expected = noise.counts(5, rates);
  for (std::size_t k = 0; k < 64; ++k) {
    EXPECT_EQ(sample[k], expected[0][static_cast<std::int64_t>(k)].item<double>()) << k;
  }
}

double poisson_kl_by_sum(double a, double b) {
  double sum = 0, log_factorial = 0;
  for (int n = 0; n < 200; ++n) {
    if (n > 0) log_factorial += std::log(n);
    const double p = std::exp(n * std::log(a) - a - log_factorial);
    sum += p * (n * std::log(a / b) - a + b);
  }
  return sum;
}

TEST(Divergence, OfPoissonIsTheSumOverCounts) {
  for (const double a : {0.1, 1.0, 7.0}) {
    for (const double b : {0.2, 1.5, 5.0}) {
      std::vector<float> next(32, static_cast<float>(std::log(a)));
      std::vector<float> prior(32, static_cast<float>(std::log(b)));
      const double exact = 32 * poisson_kl_by_sum(a, b);
      EXPECT_NEAR(ivae::kernels().poisson_kl(32, next.data(), prior.data(), true) / exact, 1, 1e-4);
      // As coded: e^u, the posterior's rate, in place of the prior's.
      EXPECT_NEAR(ivae::kernels().poisson_kl(32, next.data(), prior.data(), false) / exact, a / b,
                  1e-4 * a / b);
    }
  }
}

TEST(Divergence, OfGaussiansIsTheIntegral) {
  const double mean = 0.7, sigma = 0.6, prior_mean = -0.4, prior_sigma = 1.3;
  double integral = 0;
  const double width = 1e-4;
  for (double z = -8; z < 8; z += width) {
    const auto log_density = [z](double m, double s) {
      return -0.5 * (z - m) * (z - m) / (s * s) - std::log(s);
    };
    const double p = std::exp(log_density(mean, sigma)) / std::sqrt(2 * std::numbers::pi);
    integral += width * p * (log_density(mean, sigma) - log_density(prior_mean, prior_sigma));
  }
  const auto all = [](double value) { return std::vector<float>(32, static_cast<float>(value)); };
  const auto m = all(mean), s = all(std::log(sigma)), pm = all(prior_mean),
             ps = all(std::log(prior_sigma));
  EXPECT_NEAR(ivae::kernels().gaussian_kl(32, m.data(), s.data(), pm.data(), ps.data()),
              32 * integral, 32e-5);
}

TEST(GaussianSample, HasItsMoments) {
  constexpr int kRows = 2000, kLatents = 512;
  std::vector<float> mean(kLatents, 0.4F), log_sigma(kLatents, std::log(0.5F)), gain(kLatents, 2);
  std::vector<float> z(kLatents), rectified(kLatents), noise(kLatents);
  double sum = 0, squares = 0;
  for (int row = 0; row < kRows; ++row) {
    const auto key = simd::random_key(5, static_cast<std::uint64_t>(row));
    ivae::kernels().gaussian_sample(
        {kLatents, mean.data(), log_sigma.data(), key, nullptr, z.data(), noise.data()});
    ivae::kernels().gaussian_sample({kLatents, mean.data(), log_sigma.data(), key, gain.data(),
                                     rectified.data(), noise.data()});
    for (std::size_t k = 0; k < z.size(); ++k) {
      sum += z[k];
      squares += static_cast<double>(z[k]) * z[k];
      EXPECT_FLOAT_EQ(rectified[k], 2 * std::max(z[k], 0.0F));
    }
  }
  const double n = static_cast<double>(kRows) * kLatents, average = sum / n;
  EXPECT_NEAR(average, 0.4, 4 * 0.5 / std::sqrt(n));
  EXPECT_NEAR(squares / n - average * average, 0.25, 4 * 0.25 * std::sqrt(2 / n));
}

/// One iteration of small rate on fixed noise is rate * -F^-1 dF/du of the free energy at that
/// sample, -log p(x | z(u)) + leak KL(u || prior), by central differences in double precision.
/// Poisson: dz/du is the rate, and so is the Fisher information.
TEST(Iteration, IsANaturalGradientStep) {
  constexpr double kRate = 1e-5, kLeak = 0.8, kShift = 1e-5;
  for (const auto& [kind, activation] :
       {std::pair{"poisson", "identity"}, {"gaussian", "identity"}, {"gaussian", "tanh"}}) {
    auto model = testing::planted_model(
        {.model = kind, .activation = activation, .pixels = 16, .latents = 32});
    model.to(at::kCPU, at::kDouble);
    const at::NoGradGuard no_gradient;
    model.state().at("log_step").fill_(std::log(kRate));
    model.state().at("log_bias").fill_(-60);
    const bool poisson = model.architecture().poisson();
    auto generator = at::detail::createCPUGenerator(6);
    InferenceState state, prior;
    for (int i = 0; i < (poisson ? 1 : 2); ++i) {
      state.push_back(0.3 * at::randn({1, 32}, generator, at::kDouble));
      prior.push_back(0.3 * at::randn({1, 32}, generator, at::kDouble));
    }
    const auto x = at::randn({1, 16}, generator, at::kDouble);
    ivae::LoopSettings settings;
    settings.beta_inner = kLeak;
    settings.exact_kl = true;
    testing::CountedNoise noise(settings);
    const ivae::Unrolled unrolled(model, settings, noise);
    const auto drawn = unrolled.draw(state, 0, 0);
    const auto stepped = unrolled.iterate(x, state, prior, drawn);

    const auto energy = [&](const InferenceState& at_state) {
      const auto z = poisson ? drawn.z + at::exp(state[0]) * (at_state[0] - state[0])
                             : at_state[0] + at::exp(at_state[1]) * drawn.noise;
      const auto left = x - model.decode(model.activity(z));
      const auto nll = 0.5 * at::matmul(left.square(), model.scale().pow(-2)).sum();
      return (nll + kLeak * unrolled.kl(at_state, prior)).item<double>();
    };
    for (std::size_t part = 0; part < state.size(); ++part) {
      for (std::int64_t k = 0; k < 32; k += 5) {
        double slope = 0;
        for (const double sign : {1.0, -1.0}) {
          InferenceState moved;
          for (const auto& tensor : state) moved.push_back(tensor.clone());
          moved[part][0][k] += sign * kShift;
          slope += sign * energy(moved) / (2 * kShift);
        }
        const double u = state[0][0][k].item<double>();
        const double fisher = poisson     ? std::exp(u)
                              : part == 0 ? std::exp(-2 * state[1][0][k].item<double>())
                                          : 2;
        const double step = (stepped[part][0][k] - state[part][0][k]).item<double>();
        // The loosest clamps move a state by themselves, and so does that of no change.
        const double idle = poisson ? -std::log1p(std::exp(-10.0)) : 0;
        const double value = state[part][0][k].item<double>() + idle;
        const double c = ivae::ceilings(poisson, 1).state[part];
        const double clamped =
            poisson ? c - std::log1p(std::exp(c - value)) : c * std::tanh(value / c);
        const double held = step + state[part][0][k].item<double>() - clamped;
        EXPECT_NEAR(held / kRate, -slope / fisher, 0.05 * std::abs(slope / fisher) + 2e-3)
            << kind << " " << activation << " " << part << " " << k;
      }
    }
  }
}

}  // namespace
}  // namespace neurosplat
