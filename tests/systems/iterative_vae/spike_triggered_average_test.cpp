#include "neurosplat/systems/iterative_vae/spike_triggered_average.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "neurosplat/core/error.h"

namespace neurosplat {
namespace {

struct Trials {
  at::Tensor stimuli, spikes;  ///< float [23, 3, 4], int64 [23, 3, 2]

  explicit Trials(std::uint64_t seed) {
    auto generator = at::detail::createCPUGenerator(seed);
    stimuli = at::randn({23, 3, 4}, generator, at::kFloat);
    spikes = at::randint(0, 4, {23, 3, 2}, generator, at::kLong);
  }
};

/// Spike by spike, from frame `first` on.
at::Tensor by_hand(const std::vector<Trials>& runs, std::int64_t lags, std::int64_t first) {
  auto sums = at::zeros({2, lags, 4}, at::kDouble);
  auto counts = at::zeros({2, 1, 1}, at::kDouble);
  for (const auto& run : runs) {
    for (std::int64_t t = first; t < 23; ++t) {
      for (std::int64_t b = 0; b < 3; ++b) {
        for (std::int64_t k = 0; k < 2; ++k) {
          const auto count = run.spikes[t][b][k].item<double>();
          counts[k][0][0] += count;
          for (std::int64_t lag = 0; lag < lags; ++lag) {
            sums[k][lag] += count * run.stimuli[t - lag][b];
          }
        }
      }
    }
  }
  return sums / counts;
}

double distance(const at::Tensor& one, const at::Tensor& other) {
  EXPECT_EQ(one.sizes(), other.sizes());
  return (one - other).abs().max().item<double>();
}

TEST(SpikeTriggeredAverage, IsTheMeanStimulusBeforeSpikesInWhateverParts) {
  const Trials run(1), other(2);
  for (const auto& [lags, warm_up] : {std::pair<int, int>{5, 0}, {1, 0}, {5, 9}, {3, 2}, {20, 2}}) {
    const auto first = std::max(lags - 1, warm_up);
    EXPECT_LT(
        distance(spike_triggered_average(run.stimuli, run.spikes.to(at::kFloat), lags, warm_up),
                 by_hand({run}, lags, first)),
        1e-6);
    const auto both = by_hand({run, other}, lags, first);
    for (const std::int64_t part : {1, 2, 7, 23}) {
      SpikeTriggeredAverage sum(lags, 4, 2, warm_up);
      for (const auto& trials : std::vector<Trials>{run, other}) {
        for (std::int64_t t = 0; t < 23; t += part) {
          const auto count = std::min<std::int64_t>(part, 23 - t);
          sum.add(trials.stimuli.narrow(0, t, count), trials.spikes.narrow(0, t, count));
        }
        sum.end_trials();
      }
      EXPECT_LT(distance(sum.average(), both), 1e-6) << part;
      EXPECT_EQ(sum.spikes()[1].item<double>(), (run.spikes + other.spikes)
                                                    .narrow(0, first, 23 - first)
                                                    .select(2, 1)
                                                    .sum()
                                                    .item<double>());
    }
  }
}

// Poisson spikes of rate exp(w . x + c) to normal x have the average w. Its error in each number
// has standard deviation 1 / sqrt(spikes); 5 of them fail in 1 of 40,000 of 24 numbers. Seed 3.
TEST(SpikeTriggeredAverage, FindsAPlantedFilter) {
  constexpr std::int64_t kLags = 4, kPixels = 6, kFrames = 2000, kTrials = 20;
  auto generator = at::detail::createCPUGenerator(3);
  const auto filter = 0.25 * at::randn({kLags, kPixels}, generator, at::kFloat);
  const auto stimuli = at::randn({kFrames, kTrials, kPixels}, generator, at::kFloat);
  auto drive = at::full({kFrames, kTrials}, -1.0F);
  for (std::int64_t lag = 0; lag < kLags; ++lag) {
    drive.narrow(0, lag, kFrames - lag)
        .add_(at::matmul(stimuli.narrow(0, 0, kFrames - lag), filter[lag]));
  }
  const auto spikes = at::poisson(drive.exp(), generator).unsqueeze(2);
  const auto average = spike_triggered_average(stimuli, spikes, kLags);
  const double count = spikes.sum().item<double>();
  ASSERT_GT(count, 5000.0);
  EXPECT_GT(filter.abs().max().item<double>(), 0.3);
  EXPECT_LT(distance(average[0], filter), 5.0 / std::sqrt(count));
}

TEST(SpikeTriggeredAverage, OfNoSpikesIsNoNumber) {
  auto run = Trials(4);
  run.spikes.select(2, 1).zero_();
  const auto average = spike_triggered_average(run.stimuli, run.spikes.to(at::kFloat), 3);
  EXPECT_TRUE(at::isfinite(average[0]).all().item<bool>());
  EXPECT_TRUE(at::isnan(average[1]).all().item<bool>());
}

TEST(SpikeTriggeredAverage, RefusesWhatDoesNotFit) {
  const Trials run(5);
  EXPECT_THROW(SpikeTriggeredAverage(0, 4, 2), UsageError);
  EXPECT_THROW(SpikeTriggeredAverage(3, 4, 2, -1), UsageError);
  SpikeTriggeredAverage sum(3, 4, 2);
  EXPECT_THROW(sum.add(run.stimuli.narrow(0, 0, 9), run.spikes), UsageError);
  EXPECT_THROW(sum.add(run.stimuli, run.spikes.narrow(2, 0, 1)), UsageError);
  EXPECT_THROW(sum.add(run.stimuli.narrow(2, 0, 3), run.spikes), UsageError);
  EXPECT_THROW(sum.add(run.stimuli, {}), UsageError);
  sum.add(run.stimuli, run.spikes);
  const auto fewer = [&] { sum.add(run.stimuli.narrow(1, 0, 2), run.spikes.narrow(1, 0, 2)); };
  EXPECT_THROW(fewer(), UsageError);
  sum.end_trials();
  EXPECT_NO_THROW(fewer());
}

}  // namespace
}  // namespace neurosplat
