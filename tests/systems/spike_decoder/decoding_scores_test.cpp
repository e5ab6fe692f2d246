#include "systems/spike_decoder/decoding_scores.h"

#include <gtest/gtest.h>

#include "systems/spike_decoder/planted.h"

namespace neurosplat {
namespace {

DecodingTarget target_of(const at::Tensor& pictures) {
  const auto group = at::arange(10, at::kLong).repeat_interleave(4);
  return {.pictures = pictures,
          .means = pictures.mean(0, true).expand_as(pictures),
          .group = group,
          .fold = group.remainder(5),
          .scene = group,
          .shuffles = 99,
          .features = {}};
}

at::Tensor pictures(std::uint64_t seed) {
  return (0.5 + 0.1 * testing::noise({40, 3, 16, 16}, seed)).to(at::kFloat);
}

TEST(DecodingScores, ACopyScoresAll) {
  const auto target = target_of(pictures(1));
  const auto scores = score_decoded({"copy", target.pictures}, target);
  for (const char* key : {"pixcorr_mean", "ssim_mean", "two_way_pixels", "two_way_deviation",
                          "identification_top1", "frame_top1", "rsa", "deviation_corr_mean"}) {
    EXPECT_NEAR(scores.at(key).get<double>(), 1, 1e-6) << key;
  }
  EXPECT_EQ(scores.at("chance").get<double>(), 1.0 / 8);
  EXPECT_EQ(scores.at("frame_chance").get<double>(), 1.0 / 4);
  EXPECT_EQ(scores.at("permutation_p").get<double>(), 1.0 / 100);
}

/// 40 rows of eight candidates: two-way has a deviation of about .05, top 1 of .052.
TEST(DecodingScores, NoiseIsAtChance) {
  const auto target = target_of(pictures(1));
  const auto scores = score_decoded({"noise", pictures(2)}, target);
  EXPECT_NEAR(scores.at("pixcorr_mean").get<double>(), 0, 0.03);
  EXPECT_NEAR(scores.at("two_way_pixels").get<double>(), 0.5, 0.2);
  EXPECT_NEAR(scores.at("identification_top1").get<double>(), 1.0 / 8, 0.21);
  EXPECT_GT(scores.at("permutation_p").get<double>(), 0.01);
  EXPECT_LE(scores.at("pixcorr_mean_low").get<double>(), scores.at("pixcorr_mean").get<double>());
  EXPECT_GE(scores.at("pixcorr_mean_high").get<double>(), scores.at("pixcorr_mean").get<double>());
}

TEST(DecodingScores, LatentsAloneAreToldApart) {
  const auto target = target_of(pictures(1));
  const auto latents = testing::noise({40, 9}, 3);
  const auto scores = score_decoded({"features", {}, latents, latents}, target);
  EXPECT_EQ(scores.at("two_way_latents").get<double>(), 1);
  EXPECT_FALSE(scores.contains("pixcorr_mean"));
}

/// The mean picture is like all pictures where these share something, and identifies none.
TEST(DecodingScores, TheMeanPictureIdentifiesNothing) {
  auto shared = pictures(1);
  shared.slice(3, 0, 8).add_(0.4);
  const auto target = target_of(shared);
  const auto scores = score_decoded({"mean", target.means.contiguous()}, target);
  EXPECT_GT(scores.at("pixcorr_mean").get<double>(), 0.7);
  EXPECT_FALSE(scores.contains("identification_top1"));
  EXPECT_FALSE(scores.contains("permutation_p"));
}

}  // namespace
}  // namespace neurosplat
