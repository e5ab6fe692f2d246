#include "neurosplat/systems/iterative_vae/spike_sound.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <sstream>
#include <string>
#include <vector>

#include "neurosplat/core/error.h"
#include "neurosplat/io/wav_file.h"
#include "support/command.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

constexpr double kFrame = 48000 * 0.070 / 0.845;  // samples
constexpr std::int64_t kPop = 120;                // samples

/// One spike in every second frame, so that no two overlap.
at::Tensor every_second(std::int64_t frames) {
  auto spikes = at::zeros({frames}, at::kLong);
  for (std::int64_t t = 1; t < frames; t += 2) spikes[t] = 1;
  return spikes;
}

/// First samples of pops: sound after more silence than a pop has within. A pop begins with its 0.
std::vector<std::int64_t> starts_in(const at::Tensor& sound) {
  const auto samples = sound.accessor<float, 1>();
  std::vector<std::int64_t> starts;
  std::int64_t last = -1000;
  for (std::int64_t i = 0; i < samples.size(0); ++i) {
    if (std::abs(samples[i]) < 1e-7F) continue;
    if (i - last > 10) starts.push_back(i - 1);
    last = i;
  }
  return starts;
}

TEST(SpikeSound, APopIsAToneThatDiesAway) {
  auto spikes = at::zeros({3}, at::kLong);
  spikes[1] = 1;
  const auto sound = spike_sound(spikes, 1);
  ASSERT_EQ(sound.size(0), std::llround(3 * kFrame));
  const auto starts = starts_in(sound);
  ASSERT_EQ(starts.size(), 1U);
  EXPECT_GE(starts[0], std::floor(kFrame));
  EXPECT_LT(static_cast<double>(starts[0]), 2 * kFrame);
  for (std::int64_t i = 0; i < kPop; ++i) {
    const double t = static_cast<double>(i) / 48000;
    const double expected =
        0.8 * std::exp(-5 * t / 0.0025) * std::sin(2 * std::numbers::pi * 500 * t);
    EXPECT_NEAR(sound[starts[0] + i].item<double>(), expected, 1e-6) << i;
  }
  EXPECT_EQ(sound.narrow(0, starts[0] + kPop, 1).item<float>(), 0.0F);
}

// Kolmogorov-Smirnov at 1e-4 (limit 2.22 / sqrt n) with the seed 2.
TEST(SpikeSound, SpikesLieUniformlyInTheirFrames) {
  constexpr std::int64_t kFrames = 1000;
  const auto sound = spike_sound(every_second(kFrames), 2);
  const auto starts = starts_in(sound);
  ASSERT_EQ(starts.size(), 500U);
  std::vector<double> places;
  for (std::size_t i = 0; i < starts.size(); ++i) {
    const double place =
        (static_cast<double>(starts[i]) + 0.5) / kFrame - (2.0 * static_cast<double>(i) + 1.0);
    EXPECT_GT(place, -1.0 / kFrame);
    EXPECT_LT(place, 1.0 + 1.0 / kFrame);
    places.push_back(place);
  }
  std::sort(places.begin(), places.end());
  double furthest = 0.0;
  for (std::size_t i = 0; i < places.size(); ++i) {
    furthest = std::max(furthest, std::abs(places[i] - (static_cast<double>(i) + 0.5) / 500.0));
  }
  EXPECT_LT(furthest, 2.22 / std::sqrt(500.0));
}

TEST(SpikeSound, OverlappingPopsAddUpToFullVolumeAtMost) {
  const auto spikes = at::full({2}, 1000, at::kLong);
  const auto sound = spike_sound(spikes, 3);
  EXPECT_EQ(sound.abs().max().item<float>(), 1.0F);
  // Quietly, nothing is cut off and the sum is that of all pops but for the one at the end.
  const auto quiet = spike_sound(spikes, 3, {.gain = 1e-3});
  double pop = 0.0;
  for (int i = 0; i < kPop; ++i) {
    const double t = i / 48000.0;
    pop += 1e-3 * std::exp(-5 * t / 0.0025) * std::sin(2 * std::numbers::pi * 500 * t);
  }
  EXPECT_NEAR(quiet.sum(at::kDouble).item<double>(), 2000 * pop, 30 * pop);
}

TEST(SpikeSound, TheSeedIsAllThatIsRandom) {
  const auto spikes = every_second(40);
  EXPECT_TRUE(spike_sound(spikes, 4).equal(spike_sound(spikes, 4)));
  EXPECT_FALSE(spike_sound(spikes, 4).equal(spike_sound(spikes, 5)));
  EXPECT_EQ(spike_sound(at::zeros({0}, at::kLong), 4).numel(), 0);
}

TEST(SpikeSound, RefusesWhatHasNoSound) {
  const auto spikes = every_second(4);
  EXPECT_THROW(spike_sound(spikes - 1, 1), UsageError);
  EXPECT_THROW(spike_sound(spikes * 1001, 1), UsageError);
  EXPECT_THROW(spike_sound(spikes.to(at::kFloat), 1), UsageError);
  EXPECT_THROW(spike_sound({}, 1), UsageError);
  EXPECT_THROW(spike_sound(spikes, 1, {.speed = 0.0}), UsageError);
  EXPECT_THROW(spike_sound(spikes, 1, {.gain = 1.1}), UsageError);
  EXPECT_THROW(spike_sound(spikes, 1, {.bin = 1e5}), UsageError);
}

TEST(SpikeSoundInPython, TheWavFileHasAPopASpike) {
  const auto python = testing::python_with("wave");
  if (!python) GTEST_SKIP() << "needs Python's wave module, in .venv: scripts/setup.sh";
  const testing::TemporaryFolder folder;
  const SpikeSoundSettings settings;
  write_wav(folder / "spikes.wav", spike_sound(every_second(60), 6), settings.rate);
  const auto script = testing::source_folder() / "tests/systems/iterative_vae/count_pops.py";
  const auto run =
      testing::run_command({*python, script.string(), (folder / "spikes.wav").string()});
  ASSERT_EQ(run.status, 0) << run.errors;
  EXPECT_EQ(run.output, "48000 " + std::to_string(std::llround(60 * kFrame)) + " 30\n");
}

}  // namespace
}  // namespace neurosplat
