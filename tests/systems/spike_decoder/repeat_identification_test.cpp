#include "systems/spike_decoder/repeat_identification.h"

#include <gtest/gtest.h>

#include <cmath>

#include "neurosplat/core/error.h"
#include "systems/spike_decoder/planted.h"

namespace neurosplat {
namespace {

at::Tensor counts_of(double spread, std::uint64_t seed) {
  const auto rates = (spread * testing::noise({20, 30, 1}, seed)).exp() * 3;
  return at::poisson(rates.expand({20, 30, 6}).contiguous(),
                     at::detail::createCPUGenerator(seed + 1))
      .to(at::kInt);
}

/// Every likelihood in a loop: multinomial over units, with the factorials that are the same for
/// all pictures.
TEST(RepeatIdentification, IsTheMostLikelyPicture) {
  auto counts = counts_of(0.2, 1);
  counts[2][5][1] = -1;
  const auto found = identified_by_repeats(counts, 0);
  for (std::int64_t asked = 0; asked < 20; ++asked) {
    double best = -1e300;
    std::int64_t place = -1;
    for (std::int64_t picture = 0; picture < 20; ++picture) {
      double sum = 0, all = 0, expected = 0;
      for (std::int64_t unit = 0; unit < 30; ++unit) {
        double spikes = 0.5, repeats = 0;
        for (const std::int64_t r : {0, 2, 4}) {
          spikes += counts[picture][unit][r].item<double>();
          ++repeats;
        }
        double n = 0;
        for (const std::int64_t r : {1, 3, 5}) {
          const double given = counts[asked][unit][r].item<double>();
          if (given < 0) continue;
          n += given;
          expected += spikes / repeats;
        }
        sum += n * std::log(spikes / repeats) - std::lgamma(n + 1);
        all += n;
      }
      sum -= all * std::log(expected);
      if (sum > best) {
        best = sum;
        place = picture;
      }
    }
    EXPECT_EQ(found[asked].item<double>(), place == asked ? 1 : 0) << asked;
  }
}

/// Without tuning 20 pictures are told at chance: at most 6 of 20 with 99.9 %.
TEST(RepeatIdentification, FindsWhatIsThere) {
  EXPECT_EQ(identified_by_repeats(counts_of(1, 3), 0).mean().item<double>(), 1);
  EXPECT_LE(identified_by_repeats(counts_of(0, 3), 0).sum().item<double>(), 6);
  EXPECT_LE(identified_by_repeats(counts_of(0.3, 3), 1).sum().item<double>(),
            identified_by_repeats(counts_of(0.3, 3), 3).sum().item<double>());
  // A gain that all units of a repeat share says nothing.
  auto gained = counts_of(0.5, 3);
  gained.select(2, 1).mul_(3);
  gained.select(2, 3).mul_(4);
  EXPECT_GE(identified_by_repeats(gained, 0).mean().item<double>(), 0.9);
  EXPECT_THROW(identified_by_repeats(at::zeros({3, 4, 1}, at::kInt), 0), Error);
}

}  // namespace
}  // namespace neurosplat
