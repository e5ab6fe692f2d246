#include "neurosplat/recordings/simulated_v1.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "neurosplat/core/error.h"
#include "neurosplat/recordings/spike_selection.h"

namespace neurosplat::testing {
namespace {

/// A grating over the whole picture, uint8 [1, 3, 64, 64].
at::Tensor grating(double frequency, double orientation, double phase) {
  const auto p = (at::arange(64, at::kFloat) + 0.5) / 64;
  const auto along =
      p.unsqueeze(0) * std::cos(orientation) + p.unsqueeze(1) * std::sin(orientation);
  const auto wave = 127.5 + 100 * (2 * std::numbers::pi * frequency * along + phase).cos();
  return wave.to(at::kByte).expand({1, 3, 64, 64}).contiguous();
}

/// The mean count of a Poisson process of `rate` with a dead time is rate / (1 + rate dead) a
/// second, its deviation below the Poisson's. Bounds at five deviations.
TEST(SimulatedV1, CountsFollowTheRates) {
  const SimulatedV1 v1({.electrodes = 4, .noise_rate = 10, .refractory = 0.0015});
  const auto rates = at::tensor({5.0F, 20.0F, 60.0F, 200.0F}).expand({3000, 4});
  std::vector<std::vector<bool>> truth;
  const auto shown = v1.record(rates, 30, 1, &truth);
  for (std::size_t i = 0; i < 4; ++i) {
    const double rate = rates[0][static_cast<std::int64_t>(i)].item<double>();
    const double expected = 100 * rate / (1 + rate * 0.0015);
    double spikes = 0, noise = 0;
    for (const bool spike : truth[i]) (spike ? spikes : noise) += 1;
    EXPECT_NEAR(spikes, expected, 5 * std::sqrt(expected)) << rate;
    EXPECT_NEAR(noise, 1000, 5 * std::sqrt(1000.0));
    EXPECT_TRUE(
        std::is_sorted(shown.electrodes[i].seconds.begin(), shown.electrodes[i].seconds.end()));
    EXPECT_EQ(std::ssize(truth[i]), shown.electrodes[i].waveforms.size(0));
  }
}

TEST(SimulatedV1, SpikesComeAfterTheLatency) {
  const SimulatedV1 v1({.electrodes = 1, .noise_rate = 0, .latency = 0.06, .latency_deviation = 0});
  auto rates = at::zeros({30, 1});
  rates.narrow(0, 10, 1).fill_(300);
  const auto shown = v1.record(rates, 30, 3);
  ASSERT_GT(shown.electrodes[0].seconds.size(), 2U);
  EXPECT_GE(shown.electrodes[0].seconds.front(), 10.0 / 30 + 0.06);
  EXPECT_LT(shown.electrodes[0].seconds.back(), 11.0 / 30 + 0.06);
}

/// A neuron prefers its own orientation and frequency; a complex one does not care for phase.
TEST(SimulatedV1, NeuronsAreTuned) {
  const SimulatedV1 v1({.electrodes = 16, .seed = 4});
  for (std::int64_t i = 0; i < 16; ++i) {
    const auto& neuron = v1.neurons()[static_cast<std::size_t>(i)];
    const auto best_of = [&](double frequency, double orientation) {
      at::Tensor best = at::zeros({1});
      for (int step = 0; step < 8; ++step) {
        const auto rate =
            v1.rates(grating(frequency, orientation, step * std::numbers::pi / 4))[0][i];
        best = at::maximum(best, rate.view({1}));
      }
      return best.item<double>();
    };
    const double own = best_of(neuron.frequency, neuron.orientation);
    EXPECT_GT(own, best_of(neuron.frequency, neuron.orientation + std::numbers::pi / 2)) << i;
    EXPECT_GT(own, best_of(3 * neuron.frequency, neuron.orientation)) << i;
    if (!neuron.complex || neuron.frequency < 2) continue;
    const auto at_phase = [&](double phase) {
      return v1.rates(grating(neuron.frequency, neuron.orientation, phase))[0][i].item<double>();
    };
    EXPECT_NEAR(at_phase(0) / at_phase(std::numbers::pi / 2), 1, 0.15) << i;
  }
}

TEST(SimulatedV1, IsTheSameForASeedAndDiffersByPresentation) {
  const SimulatedV1 one({.seed = 3}), again({.seed = 3}), other({.seed = 4});
  const auto rates = at::full({30, 16}, 20.0, at::kFloat);
  EXPECT_EQ(one.record(rates, 30, 0).electrodes[0].seconds,
            again.record(rates, 30, 0).electrodes[0].seconds);
  EXPECT_NE(one.record(rates, 30, 0).electrodes[0].seconds,
            one.record(rates, 30, 1).electrodes[0].seconds);
  EXPECT_NE(one.neurons()[0].frequency, other.neurons()[0].frequency);
}

TEST(SpikeSelection, AgreesWithTheTruth) {
  const SimulatedV1 v1({.electrodes = 16, .noise_rate = 30, .seed = 2});
  std::vector<std::vector<bool>> truth;
  Recording recording{.electrodes = 16, .presentations = {}};
  recording.presentations.push_back(
      v1.record(at::full({900, 16}, 20.0, at::kFloat), 30, 0, &truth));
  const auto selections = select_spikes(recording);
  for (std::size_t i = 0; i < 16; ++i) {
    double agree = 0;
    for (std::size_t k = 0; k < truth[i].size(); ++k) {
      agree += selections[i].is_spike[static_cast<std::int64_t>(k)].item<bool>() == truth[i][k];
    }
    EXPECT_GT(agree / static_cast<double>(truth[i].size()), 0.98) << i;
    // Of 600 spikes with a deviation of 10, and 5 % of the depth, at each sample.
    const auto& shape = v1.neurons()[i].waveform;
    EXPECT_LT((selections[i].spike_mean - shape).abs().max().item<double>(), 4) << i;
    EXPECT_NEAR(selections[i].noise_mean.min().item<double>(), -15, 3) << i;
  }
}

TEST(SpikeSelection, FewWaveforms) {
  EXPECT_EQ(select_spikes(at::empty({0, 48}, at::kChar)).is_spike.numel(), 0);
  EXPECT_TRUE(select_spikes(at::ones({1, 48}, at::kChar)).is_spike[0].item<bool>());
  const auto alike = select_spikes(at::ones({5, 48}, at::kChar));
  EXPECT_EQ(alike.is_spike.numel(), 5);
  EXPECT_TRUE(alike.noise_mean.isfinite().all().item<bool>());
}

TEST(SimulatedV1, RefusesWhatCannotBe) {
  EXPECT_THROW(SimulatedV1({.electrodes = 0}), UsageError);
  EXPECT_THROW(SimulatedV1({.gain = -1}), UsageError);
  EXPECT_THROW(SimulatedV1({.refractory = std::nan("")}), UsageError);
  EXPECT_THROW(SimulatedV1({}).rates(at::zeros({1, 3, 8, 8})), Error);
}

}  // namespace
}  // namespace neurosplat::testing
