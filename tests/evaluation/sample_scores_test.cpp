#include "neurosplat/evaluation/sample_scores.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "neurosplat/core/error.h"

namespace neurosplat {
namespace {

constexpr std::int64_t kSide = 8;

/// A grey level for each colour of each picture, [N, 3]: their means are these levels.
at::Tensor flat_pictures(const at::Tensor& levels) {
  return levels.view({-1, 3, 1, 1}).expand({levels.size(0), 3, kSide, kSide}).contiguous();
}

PictureRange range_of(const at::Tensor& pictures) {
  return [pictures](std::int64_t first, std::int64_t count) {
    return pictures.narrow(0, first, count);
  };
}

at::Tensor mean_colours(const at::Tensor& pictures) {
  return pictures.to(at::kDouble).mean({2, 3});
}

/// Levels whose mean is `mean` and whose covariance is exactly diag(spread^2): whitened noise.
at::Tensor levels(const std::vector<double>& mean, const std::vector<double>& spread,
                  std::uint64_t seed, std::int64_t count = 60) {
  const auto noise =
      at::randn({count, 3}, at::detail::createCPUGenerator(seed), at::TensorOptions(at::kDouble));
  const auto centred = noise - noise.mean(0);
  const auto covariance = at::matmul(centred.t(), centred) / static_cast<double>(count - 1);
  const auto root = at::linalg_cholesky(covariance);
  const auto white = at::linalg_solve(root, centred.t()).t();
  return white * at::tensor(spread, at::kDouble) + at::tensor(mean, at::kDouble);
}

SampleRequest request_for(const at::Tensor& real, std::vector<SampleSet> sets) {
  return {.real = range_of(real),
          .sets = std::move(sets),
          .features = mean_colours,
          .count = real.size(0),
          .batch = 7};
}

// Of Gaussians with diagonal covariances: |m1 - m2|^2 + sum (s1 - s2)^2.
TEST(SampleScores, OfGaussiansHaveTheClosedFormDistance) {
  const auto real = flat_pictures(levels({0.5, 0.4, 0.6}, {0.05, 0.02, 0.01}, 1));
  const auto other = flat_pictures(levels({0.5, 0.5, 0.4}, {0.01, 0.02, 0.05}, 2));
  const auto scores = score_samples(request_for(real, {{"other", range_of(other)}}));
  ASSERT_EQ(scores.sets.size(), 1U);
  EXPECT_EQ(scores.sets[0].name, "other");
  EXPECT_NEAR(scores.sets[0].frechet_distance, 0.01 + 0.04 + 2 * 0.04 * 0.04, 1e-9);
}

TEST(SampleScores, OfTheSamePicturesArePerfectAndOfFarOnesNothing) {
  const auto here = levels({0.3, 0.4, 0.5}, {0.02, 0.02, 0.02}, 3);
  const auto real = flat_pictures(here), far = flat_pictures(here + 0.4);
  const auto scores =
      score_samples(request_for(real, {{"same", range_of(real)}, {"far", range_of(far)}}));
  ASSERT_EQ(scores.sets.size(), 2U);
  EXPECT_NEAR(scores.sets[0].frechet_distance, 0, 1e-9);
  EXPECT_EQ(scores.sets[0].precision, 1);
  EXPECT_EQ(scores.sets[0].recall, 1);
  EXPECT_NEAR(scores.sets[1].frechet_distance, 3 * 0.16, 1e-9);
  EXPECT_EQ(scores.sets[1].precision, 0);
  EXPECT_EQ(scores.sets[1].recall, 0);
}

// All samples near one real picture: each is among the real ones, which are not among them.
TEST(SampleScores, TellPrecisionFromRecall) {
  const auto real = flat_pictures(levels({0.5, 0.5, 0.5}, {0.1, 0.1, 0.1}, 4));
  const auto collapsed =
      real.slice(0, 0, 1) + 1e-4 * flat_pictures(levels({0, 0, 0}, {1, 1, 1}, 5));
  const auto scores = score_samples(request_for(real, {{"one", range_of(collapsed)}}));
  EXPECT_EQ(scores.sets[0].precision, 1);
  EXPECT_LT(scores.sets[0].recall, 0.1);
}

TEST(SampleScores, DoNotDependOnTheBatch) {
  const auto real = flat_pictures(levels({0.5, 0.4, 0.6}, {0.05, 0.02, 0.01}, 6));
  const auto other = flat_pictures(levels({0.45, 0.4, 0.6}, {0.04, 0.03, 0.02}, 7));
  auto request = request_for(real, {{"other", range_of(other)}});
  const auto some = score_samples(request).sets[0];
  request.batch = 1000;
  const auto all = score_samples(request).sets[0];
  EXPECT_EQ(some.frechet_distance, all.frechet_distance);
  EXPECT_EQ(some.precision, all.precision);
  EXPECT_EQ(some.recall, all.recall);
}

// Only so many as asked for are measured, of all sets: the others would be another distance.
TEST(SampleScores, MeasureAsManyPicturesOfEachSet) {
  const auto real = levels({0.5, 0.4, 0.6}, {0.05, 0.02, 0.01}, 8);
  const auto real_and_more = flat_pictures(at::cat({real, real + 0.3}));
  auto request = request_for(real_and_more, {{"first", range_of(flat_pictures(real))}});
  request.count = real.size(0);
  const auto scores = score_samples(request);
  EXPECT_NEAR(scores.sets[0].frechet_distance, 0, 1e-9);
  EXPECT_EQ(scores.sets[0].recall, 1);
}

// Of 60 pictures every fifteenth, in a row under a band of 20 pixels for the real ones and for each
// set.
TEST(SampleScores, SheetShowsPicturesFromAllOverEachSet) {
  const auto real = flat_pictures(levels({0.2, 0.4, 0.6}, {0.02, 0.02, 0.02}, 9)).to(at::kFloat);
  const auto far = real + 0.3;
  auto request = request_for(real, {{"far", range_of(far)}});
  request.shown = 4;
  const auto sheet = score_samples(request).sheet;
  constexpr std::int64_t kRow = 20 + kSide + 4;
  ASSERT_EQ(sheet.sizes(), at::IntArrayRef({3, 2 * kRow, 4 * (kSide + 2) + 2}));
  for (std::int64_t k = 0; k < 4; ++k) {
    for (std::int64_t colour = 0; colour < 3; ++colour) {
      const auto column = 2 + k * (kSide + 2) + 4;
      const auto level = real[15 * k][colour][0][0].item<double>();
      EXPECT_NEAR(sheet[colour][20 + 6][column].item<double>(), level, 0.6 / 255) << k;
      EXPECT_NEAR(sheet[colour][kRow + 20 + 6][column].item<double>(), level + 0.3, 0.6 / 255) << k;
    }
  }
}

template <typename Change>
void expect_refusal(const Change& change, const std::string& part) {
  const auto real = flat_pictures(levels({0.5, 0.4, 0.6}, {0.05, 0.02, 0.01}, 10, 9));
  auto request = request_for(real, {{"odd", range_of(real)}});
  change(request);
  try {
    score_samples(request);
    ADD_FAILURE() << "expected an Error with " << part;
  } catch (const Error& error) {
    const std::string what = error.what();
    EXPECT_NE(what.find(part), std::string::npos) << what;
    EXPECT_EQ(what.find('\n'), std::string::npos) << what;
  }
}

TEST(SampleScores, RefuseWhatCannotBeCompared) {
  expect_refusal([](SampleRequest& request) { request.count = 7; }, "at least 8 pictures");
  expect_refusal(
      [](SampleRequest& request) {
        request.sets[0].pictures = [](std::int64_t, std::int64_t count) {
          return at::zeros({count - 1, 3, kSide, kSide});
        };
      },
      "odd: expected pictures [7, 3, S, S]");
  expect_refusal(
      [](SampleRequest& request) {
        request.features = [](const at::Tensor& pictures) { return pictures; };
      },
      "a row for each picture");
}

}  // namespace
}  // namespace neurosplat
