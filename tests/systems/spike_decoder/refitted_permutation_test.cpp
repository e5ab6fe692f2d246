#include "systems/spike_decoder/refitted_permutation.h"

#include <gtest/gtest.h>

#include "systems/spike_decoder/planted.h"

namespace neurosplat {
namespace {

using testing::Planted;

const std::vector<double> kPenalties = penalties_between(1e-3, 1e3, 7);

/// By decoders that are really fitted.
double statistic_of(const Planted& planted, const HeldOut& held_out) {
  const auto decoded = decode_latents(planted.responses, planted.latents, planted.latent_group,
                                      held_out, {.penalties = kPenalties})
                           .to(at::kDouble);
  const auto means = training_means(planted.latents, held_out).to(at::kDouble);
  return at::cosine_similarity(decoded - means, planted.latents - means, 1).mean().item<double>();
}

RefittedPermutation tested(const Planted& planted, const HeldOut& held_out, std::int64_t shuffles,
                           std::uint64_t seed = 1) {
  return refitted_permutation(planted.responses, planted.latents, planted.latent_group, held_out,
                              kPenalties, shuffles, seed);
}

TEST(RefittedPermutation, TheStatisticIsThatOfFittedDecoders) {
  for (const double deviation : {0.5, 5.0, 50.0}) {
    const Planted planted(deviation);
    const auto held_out = hold_out(planted.group, 2);
    EXPECT_NEAR(tested(planted, held_out, 1).statistic, statistic_of(planted, held_out), 1e-5)
        << deviation;
  }
}

/// One shuffle of two movies by hand: p is 1 when the fitted decoders of the changed pictures do as
/// well, else 1/2.
TEST(RefittedPermutation, SeesWhatIsThere) {
  const Planted planted(3);
  const auto held_out = hold_out(planted.group, 2);
  EXPECT_EQ(tested(planted, held_out, 199).p, 1.0 / 200);
  auto changed = planted;
  const auto order = at::arange(80, at::kLong).view({10, 8}).roll(1, 0).flatten();
  changed.latents = planted.latents.index_select(0, order);
  EXPECT_LT(statistic_of(changed, held_out), tested(planted, held_out, 1).statistic);
  EXPECT_NEAR(tested(changed, held_out, 1).statistic, statistic_of(changed, held_out), 1e-5);
}

/// Without anything to find p is uniform: of 100, between 1 and 13 are below .05 with 99.8 %.
TEST(RefittedPermutation, IsUniformWhereNothingIs) {
  int low = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Planted planted(1, 10 * seed);
    // Movies share responses, as they do: what is not independent are groups.
    planted.responses = testing::noise({10, 30}, 10 * seed + 5).repeat_interleave(8, 0) +
                        0.3 * testing::noise({80, 30}, 10 * seed + 6);
    const auto held_out = hold_out(planted.group, seed);
    const auto found = refitted_permutation(planted.responses, planted.latents,
                                            planted.latent_group, held_out, {0.1, 10}, 39, seed);
    if (found.p <= 0.05) ++low;
  }
  EXPECT_GE(low, 1);
  EXPECT_LE(low, 13);
}

}  // namespace
}  // namespace neurosplat
