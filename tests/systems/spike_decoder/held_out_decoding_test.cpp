#include "neurosplat/systems/spike_decoder/held_out_decoding.h"

#include <gtest/gtest.h>

#include "neurosplat/core/error.h"
#include "neurosplat/metrics/identification.h"
#include "systems/spike_decoder/planted.h"

namespace neurosplat {
namespace {

using testing::noise;
using testing::Planted;

at::Tensor rows_where(const at::Tensor& condition) {
  return condition.nonzero().flatten();
}

TEST(HeldOutDecoding, FoldsAreOfWholeGroups) {
  const Planted planted(1);
  const auto held_out = hold_out(planted.group + 7, 3);
  for (std::int64_t movie = 0; movie < 10; ++movie) {
    const auto folds = held_out.fold.index_select(0, rows_where(planted.group.eq(movie)));
    EXPECT_TRUE(folds.eq(folds[0]).all().item<bool>()) << movie;
  }
  for (std::int64_t fold = 0; fold < 5; ++fold) {
    EXPECT_EQ(held_out.fold.eq(fold).sum().item<std::int64_t>(), 16);
  }
  EXPECT_THROW(hold_out(at::arange(4, at::kLong), 1), Error);
}

/// Whatever a fold's own latents are, what is decoded of it stays.
TEST(HeldOutDecoding, NothingOfAFoldIsSeen) {
  const Planted planted(1);
  const auto held_out = hold_out(planted.group, 3);
  const auto own = rows_where(held_out.fold.eq(2));
  auto changed = planted.latents.clone();
  changed.index_fill_(0, own, 50);
  const auto decode = [&](const at::Tensor& latents) {
    return decode_latents(planted.responses, latents, planted.latent_group, held_out, {});
  };
  const auto before = decode(planted.latents), after = decode(changed);
  EXPECT_TRUE(after.index_select(0, own).equal(before.index_select(0, own)));
  EXPECT_FALSE(after.equal(before));
  EXPECT_TRUE(training_means(changed, held_out)
                  .index_select(0, own)
                  .equal(training_means(planted.latents, held_out).index_select(0, own)));

  auto pictures = noise({80, 3, 16, 16}, 8).mul(0.1).add(0.5).to(at::kFloat);
  const auto inverted = invert_encoder(planted.responses, pictures, held_out);
  pictures.index_fill_(0, own, 1);
  EXPECT_TRUE(invert_encoder(planted.responses, pictures, held_out)
                  .index_select(0, own)
                  .equal(inverted.index_select(0, own)));
}

TEST(HeldOutDecoding, TrainingMeansAreOfTheOtherFolds) {
  const Planted planted(1);
  const auto held_out = hold_out(planted.group, 3);
  const auto means = training_means(planted.latents, held_out);
  const auto others =
      planted.latents.index_select(0, rows_where(held_out.fold.ne(held_out.fold[0])));
  EXPECT_TRUE(means[0].to(at::kDouble).allclose(others.mean(0), 1e-5, 1e-6));
}

/// Responses that are linear in the pictures are turned round; what is left is the prior's: noise
/// that is far larger gives the mean picture.
TEST(HeldOutDecoding, EncodersAreTurnedRound) {
  const auto smooth = at::mm(noise({80, 6}, 4), noise({6, 256}, 5)).view({80, 1, 16, 16});
  const auto pictures = (0.5 + 0.04 * smooth).clamp(0, 1).expand({-1, 3, -1, -1}).to(at::kFloat);
  const auto pixels = pictures.mean(1).flatten(1).to(at::kDouble);
  const auto group = at::arange(80, at::kLong);
  const auto held_out = hold_out(group, 1);
  const auto clean = at::mm(pixels, noise({256, 20}, 6));
  const auto found = invert_encoder(clean, pictures, held_out);
  const auto truth = pictures - pictures.mean(0), decoded = found - pictures.mean(0);
  const auto alike = correlations(decoded.flatten(1), truth.flatten(1)).diagonal();
  EXPECT_GT(alike.mean().item<double>(), 0.95);
  const auto nothing = invert_encoder(noise({80, 20}, 7), pictures, held_out);
  EXPECT_LT((nothing - training_means(pictures, held_out)).norm().item<double>(),
            0.5 * truth.norm().item<double>());
}

TEST(HeldOutDecoding, OtherGroupsRowsAreOthers) {
  const auto group = at::tensor({0, 0, 0, 1, 1, 2, 2, 2, 2}, at::kLong);
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto from = other_groups_rows(group, group, seed);
    EXPECT_TRUE(from.ne(group).all().item<bool>()) << seed;
    EXPECT_EQ(std::get<0>(at::_unique(from)).numel(), 3) << seed;
  }
}

/// Means within five standard errors, missing ones where they were.
TEST(HeldOutDecoding, NoiseCountsHaveTheUnitsMeans) {
  auto counts = at::tensor({2, 30}, at::kInt).view({1, 2, 1}).expand({400, 2, 10}).clone();
  counts[3][1][4] = -1;
  const auto drawn = noise_counts(counts, 5);
  EXPECT_TRUE(drawn.eq(-1).equal(counts.eq(-1)));
  for (std::int64_t unit = 0; unit < 2; ++unit) {
    const auto own = drawn.select(1, unit).flatten();
    const auto values = own.masked_select(own.ge(0)).to(at::kDouble);
    const double mean = counts[0][unit][0].item<double>();
    EXPECT_NEAR(values.mean().item<double>(), mean, 5 * std::sqrt(mean / 4000));
    EXPECT_NEAR(values.var().item<double>(), mean, 0.2 * mean);  // Poisson
  }
}

/// The published protocol finds as much in responses of other pictures: it looks up what it
/// learned. Held-out decoding of the same finds nothing.
TEST(HeldOutDecoding, ThePublishedProtocolFindsWhatIsNotThere) {
  const auto latents = noise({90, 50}, 10), responses = noise({90, 60}, 11);
  const auto alike = [&](const at::Tensor& decoded) {
    return correlations(decoded, latents).diagonal().mean().item<double>();
  };
  const auto published = decode_as_published(responses, latents);
  EXPECT_GT(alike(published), 0.5);
  EXPECT_TRUE(published.to(at::kDouble).std(0, false).allclose(latents.std(0, false), 1e-4, 1e-5));
  const auto held_out = hold_out(at::arange(90, at::kLong), 1);
  const auto decoded = decode_latents(responses, latents, at::zeros({50}, at::kLong), held_out, {});
  EXPECT_LT(alike(decoded - training_means(latents, held_out)), 0.1);
}

}  // namespace
}  // namespace neurosplat
