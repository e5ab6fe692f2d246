#include "neurosplat/recordings/response_pairs.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "neurosplat/recordings/pvc1.h"
#include "neurosplat/recordings/simulated_v1.h"

namespace neurosplat::testing {
namespace {

/// Waveforms that say who they are: all samples are `value`.
Crossings crossings(const std::vector<double>& seconds, const std::vector<int>& values) {
  Crossings made{seconds, at::empty({std::ssize(seconds), kSnippetSamples}, at::kChar)};
  for (std::size_t i = 0; i < values.size(); ++i) {
    made.waveforms[static_cast<std::int64_t>(i)].fill_(values[i]);
  }
  return made;
}

/// All but small values are spikes; the mean of the small ones stands for no spike.
Recording two_electrodes() {
  Presentation shown{0, 5, 0, {}};
  // Frame 0 is answered from .06 to .0933 s, frame 1 to .1267 s.
  shown.electrodes = {crossings({0.01, 0.07, 0.08, 0.11}, {100, 101, 102, 2}),
                      crossings({0.0705, 0.12, 0.13}, {-90, -91, 4})};
  return {2, {shown}};
}

int value_of(const ResponsePairs& pairs, std::int64_t pair, std::int64_t electrode) {
  EXPECT_TRUE(
      pairs.waveforms[pair][electrode].eq(pairs.waveforms[pair][electrode][0]).all().item<bool>());
  return pairs.waveforms[pair][electrode][0].item<int>();
}

TEST(ResponsePairs, OfFrames) {
  const auto recording = two_electrodes();
  const auto pairs = pair_responses(recording, select_spikes(recording), {{{0, 5}, {40, 3}}}, {});
  // Frame 1 of electrode 0 has a crossing that is noise; frame 2 has no spike at all.
  ASSERT_TRUE(pairs.frame.equal(at::tensor({40, 41}, at::kLong)));
  EXPECT_EQ(value_of(pairs, 0, 0), 101);  // the first of two; that at .01 s answers no frame
  EXPECT_EQ(value_of(pairs, 0, 1), -90);
  EXPECT_EQ(value_of(pairs, 1, 0), 2);
  EXPECT_EQ(value_of(pairs, 1, 1), -91);
}

TEST(ResponsePairs, OfSpikes) {
  const auto recording = two_electrodes();
  const auto pairs = pair_responses(recording, select_spikes(recording), {{{0, 5}, {40, 3}}},
                                    {.pairing = Pairing::kSpike, .coincidence = 0.001});
  ASSERT_TRUE(pairs.frame.equal(at::tensor({40, 40, 40, 41}, at::kLong)));
  EXPECT_EQ(value_of(pairs, 0, 0), 101);
  EXPECT_EQ(value_of(pairs, 0, 1), -90);  // half a millisecond later
  EXPECT_EQ(value_of(pairs, 1, 0), 102);
  EXPECT_EQ(value_of(pairs, 1, 1), 4);
  EXPECT_EQ(value_of(pairs, 2, 0), 101);
  EXPECT_EQ(value_of(pairs, 2, 1), -90);
  EXPECT_EQ(value_of(pairs, 3, 0), 2);
  EXPECT_EQ(value_of(pairs, 3, 1), -91);
}

TEST(ResponsePairs, SegmentsThatAreNotAskedForAreLeftOut) {
  auto recording = two_electrodes();
  recording.presentations.push_back(recording.presentations.front());
  recording.presentations.front().segment = 4;
  const auto pairs = pair_responses(recording, select_spikes(recording), {{{0, 5}, {0, 3}}}, {});
  EXPECT_EQ(pairs.frame.numel(), 2);
  EXPECT_EQ(value_of(pairs, 0, 0), 101);
  EXPECT_EQ(pair_responses(recording, select_spikes(recording), {}, {}).frame.numel(), 0);
}

/// Through the file and back, with the truth: the share of frames with a spike of an electrode is
/// that of a Poisson count above 0 (five deviations; the refractory time changes nothing of a first
/// spike).
TEST(ResponsePairs, ShareOfFramesWithASpike) {
  const SimulatedV1 v1({.electrodes = 1, .noise_rate = 0, .latency_deviation = 0});
  Recording recording{1, {v1.record(at::full({3000, 1}, 20.0, at::kFloat), 30, 0)}};
  const auto all = SpikeSelection{
      at::ones({std::ssize(recording.presentations[0].electrodes[0].seconds)}, at::kBool),
      at::zeros({48}), at::zeros({48})};
  const auto pairs = pair_responses(recording, {all}, {{{0, 0}, {0, 3000}}}, {});
  const double share = 1 - std::exp(-20.0 / 30);
  EXPECT_NEAR(static_cast<double>(pairs.frame.numel()) / 3000, share,
              5 * std::sqrt(share * (1 - share) / 3000));
}

}  // namespace
}  // namespace neurosplat::testing
