#include "neurosplat/recordings/spike_counts.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "neurosplat/core/error.h"
#include "neurosplat/core/random_stream.h"
#include "nwb_cases.h"
#include "support/temporary_folder.h"

namespace neurosplat::testing {
namespace {

std::vector<std::int32_t> naive(const std::vector<double>& spikes,
                                const std::vector<double>& onsets, CountWindow window) {
  std::vector<std::int32_t> counts;
  for (const double onset : onsets) {
    std::int32_t count = 0;
    for (const double spike : spikes) {
      count += spike >= onset + window.from && spike < onset + window.to ? 1 : 0;
    }
    counts.push_back(count);
  }
  return counts;
}

/// Times on a coarse grid, so that many fall on the bounds of windows and on each other.
std::vector<double> times(RandomStream& random, std::size_t count, double from, double to) {
  std::vector<double> all;
  for (std::size_t i = 0; i < count; ++i) {
    all.push_back(from + std::floor(random.unit() * (to - from) * 20) / 20);
  }
  std::sort(all.begin(), all.end());
  return all;
}

constexpr CountWindow kWindows[] = {{0, 0.25},   {0.05, 0.3}, {0, 1},        {-0.5, 0.5},
                                    {-3, -2.75}, {0, 1e-9},   {-100, 100.0}, {50, 51}};

TEST(SpikeCounts, AgreesWithTheDoubleLoop) {
  RandomStream random(1);
  for (int round = 0; round < 60; ++round) {
    const auto spikes = times(random, random.below(200), -1, 12);
    auto onsets = times(random, random.below(60), 0, 10);
    if (round % 3 == 0) std::reverse(onsets.begin(), onsets.end());
    for (const auto& window : kWindows) {
      EXPECT_EQ(count_spikes(spikes, onsets, window), naive(spikes, onsets, window));
    }
  }
}

TEST(SpikeCounts, BoundsAreHalfOpen) {
  EXPECT_EQ(
      count_spikes(std::vector<double>{1, 1.25, 1.5}, std::vector<double>{1, 1.25, 1.5}, {0, 0.25}),
      (std::vector<std::int32_t>{1, 1, 1}));
  EXPECT_EQ(count_spikes(std::vector<double>{}, std::vector<double>{1}, {0, 1}),
            (std::vector<std::int32_t>{0}));
  EXPECT_TRUE(count_spikes(std::vector<double>{1}, std::vector<double>{}, {0, 1}).empty());
}

/// The first unit begins at spike 0, the empty one takes none of its neighbours'.
TEST(SpikeCounts, EachUnitHasItsOwnSpikes) {
  const TemporaryFolder folder;
  const NwbFile file(write_small(folder / "a.nwb"));
  const std::vector<double> all = {0};
  const std::vector<std::size_t> rows = {0, 1, 2, 3};
  EXPECT_EQ(count_spikes(file, rows, all, {-10, 10}), (std::vector<std::int32_t>{5, 0, 6, 1}));
  EXPECT_EQ(count_spikes(file, std::vector<std::size_t>{3, 1, 0}, all, {-10, 10}),
            (std::vector<std::int32_t>{1, 0, 5}));
  EXPECT_EQ(count_spikes(file, rows, all, {0, 0.1}), (std::vector<std::int32_t>{0, 0, 1, 0}));
  EXPECT_EQ(count_spikes(file, rows, all, {0.1, 0.2}), (std::vector<std::int32_t>{1, 0, 0, 0}));
  EXPECT_EQ(count_spikes(file, rows, all, {4, 4.01}), (std::vector<std::int32_t>{0, 0, 1, 0}));
}

/// More units than columns are gathered, pieces that end within units, windows that overlap.
TEST(SpikeCounts, FilesAgreeWithTheDoubleLoop) {
  const TemporaryFolder folder;
  auto session = small_session();
  session.units.assign(37, session.units.front());
  for (std::size_t i = 0; i < 37; ++i) session.units[i].id = static_cast<std::int64_t>(i);
  const auto spikes_of = [](std::size_t unit) {
    RandomStream random(hash_of({unit, 9}));
    // Two of them span several pieces.
    return times(random, unit == 3 || unit == 20 ? 1'500'000 : random.below(300), 0, 20);
  };
  write_nwb(folder / "a.nwb", session, spikes_of);
  const NwbFile file(folder / "a.nwb");
  const std::vector<std::size_t> rows = {20, 0,  3,  36, 5,  6,  7,  8,  9,
                                         10, 11, 12, 13, 14, 15, 16, 30, 1};
  RandomStream random(2);
  const auto onsets = times(random, 12, 1, 18);
  for (const auto& window : {CountWindow{0.05, 0.3}, CountWindow{0, 3}}) {
    const auto counts = count_spikes(file, rows, onsets, window);
    ASSERT_EQ(counts.size(), rows.size() * onsets.size());
    for (std::size_t k = 0; k < rows.size(); ++k) {
      const auto expected = naive(spikes_of(rows[k]), onsets, window);
      for (std::size_t i = 0; i < onsets.size(); ++i) {
        EXPECT_EQ(counts[i * rows.size() + k], expected[i]) << rows[k] << ' ' << i;
      }
    }
  }
}

TEST(SpikeCounts, RefusesWhatCannotBe) {
  const std::vector<double> one = {1}, none = {std::nan("")};
  EXPECT_THROW(count_spikes(one, one, {0.25, 0.25}), UsageError);
  EXPECT_THROW(count_spikes(one, one, {0, std::nan("")}), UsageError);
  EXPECT_THROW(count_spikes(one, one, {0, INFINITY}), UsageError);
  EXPECT_THROW(count_spikes(one, none, {0, 1}), Error);
}

}  // namespace
}  // namespace neurosplat::testing
