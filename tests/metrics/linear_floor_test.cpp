#include "neurosplat/metrics/linear_floor.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <tuple>

#include "neurosplat/core/error.h"
#include "neurosplat/metrics/picture_quality.h"

namespace neurosplat {
namespace {

at::Generator generator(std::uint64_t seed) {
  return at::detail::createCPUGenerator(seed);
}

at::Tensor noise(at::IntArrayRef size, std::uint64_t seed) {
  return at::rand(size, generator(seed), at::TensorOptions(at::kFloat));
}

/// Pictures grey + sum of `rank` patterns with small random weights, all inside [0, 1].
at::Tensor low_rank_pictures(std::int64_t pictures, std::int64_t rank, std::uint64_t seed) {
  const auto options = at::TensorOptions(at::kDouble);
  const at::Tensor patterns = at::randn({rank, 3 * 6 * 7}, generator(seed), options);
  const at::Tensor weights = at::randn({pictures, rank}, generator(seed + 1), options);
  const at::Tensor spread = at::matmul(weights, patterns);
  return (0.5 + 0.4 * spread / spread.abs().max()).to(at::kFloat).reshape({pictures, 3, 6, 7});
}

double largest(const at::Tensor& difference) {
  return difference.abs().max().item<double>();
}

// Wider than one slice of 4,096 numbers, so that the walk over slices is covered too.
TEST(LinearFloor, SpansTheLeadingSingularVectors) {
  const at::Tensor scales = at::pow(0.8, at::arange(12, at::kFloat)).reshape({1, 12});
  const at::Tensor spread =
      at::matmul(at::randn({12, 12}, generator(1), at::TensorOptions(at::kFloat)) * scales,
                 at::randn({12, 3 * 40 * 41}, generator(2), at::TensorOptions(at::kFloat)));
  const at::Tensor pictures = (0.5 + 0.4 * spread / spread.abs().max()).reshape({12, 3, 40, 41});
  const std::int64_t wanted = 5;
  const LinearFloor floor = fit_linear_floor(pictures, wanted);

  const at::Tensor data = pictures.flatten(1).to(at::kDouble);
  const at::Tensor mean = data.mean(0);
  const at::Tensor directions =
      std::get<2>(at::linalg_svd(data - mean, /*full_matrices=*/false)).narrow(0, 0, wanted);
  ASSERT_EQ(floor.components.sizes(), at::IntArrayRef({wanted, 3 * 40 * 41}));
  ASSERT_EQ(floor.components.scalar_type(), at::kFloat);
  EXPECT_LT(largest(floor.mean - mean), 1e-7);
  // Row by row the same line (the sign is free), so also the same order.
  const at::Tensor cosines = at::matmul(floor.components.to(at::kDouble), directions.t()).abs();
  EXPECT_LT(largest(cosines - at::eye(wanted, at::kDouble)), 1e-6);

  const at::Tensor expected =
      (mean + at::matmul(at::matmul(data - mean, directions.t()), directions)).clamp(0.0, 1.0);
  EXPECT_LT(largest(project(floor, pictures).flatten(1) - expected), 2e-6);
}

TEST(LinearFloor, ComponentsAreOrthonormal) {
  const LinearFloor floor = fit_linear_floor(noise({30, 3, 6, 7}, 3), 20);
  const at::Tensor rows = floor.components.to(at::kDouble);
  EXPECT_LT(largest(at::matmul(rows, rows.t()) - at::eye(20, at::kDouble)), 1e-6);
}

TEST(LinearFloor, ReconstructsLowRankPicturesAndOthersOfTheirSpan) {
  const at::Tensor all = low_rank_pictures(40, 4, 4);
  const LinearFloor floor = fit_linear_floor(all.narrow(0, 0, 25), 10);
  EXPECT_EQ(floor.components.size(0), 4);
  EXPECT_LT(largest(project(floor, all) - all), 2e-6);
}

TEST(LinearFloor, GivesNoMoreComponentsThanThePicturesHold) {
  EXPECT_EQ(fit_linear_floor(noise({6, 3, 5, 5}, 6), 64).components.size(0), 5);
  EXPECT_EQ(fit_linear_floor(noise({20, 1, 2, 2}, 7), 64).components.size(0), 4);
  EXPECT_EQ(fit_linear_floor(noise({1, 3, 5, 5}, 8), 3).components.size(0), 0);
}

TEST(LinearFloor, OfEqualPicturesIsTheirMean) {
  // In double precision, where the mean of seven equal numbers is not always that number.
  const at::Tensor picture = at::rand({1, 3, 5, 5}, generator(9), at::TensorOptions(at::kDouble));
  const LinearFloor floor = fit_linear_floor(picture.expand({7, 3, 5, 5}), 3);
  EXPECT_EQ(floor.components.sizes(), at::IntArrayRef({0, 75}));
  EXPECT_LT(largest(project(floor, noise({2, 3, 5, 5}, 10)) - picture), 1e-7);
}

// Half the pictures 0.3, half 0.7: their mean is 0.5 everywhere, 0.2 from each, so that the mean
// alone gives 10 log10(25) dB; their one component then finds them again.
TEST(LinearFloor, MeanPictureHasItsClosedFormPsnr) {
  at::Tensor pictures = at::full({8, 3, 6, 6}, 0.3);
  pictures.narrow(0, 4, 4).fill_(0.7);
  LinearFloor floor = fit_linear_floor(pictures, 1);
  EXPECT_LT(largest(project(floor, pictures) - pictures), 1e-6);
  floor.components = floor.components.narrow(0, 0, 0);
  EXPECT_LT(largest(psnr_db(project(floor, pictures), pictures) - 10 * std::log10(25.0)), 1e-5);
}

TEST(LinearFloor, BytesAreFloatsOf255) {
  const at::Tensor bytes = (noise({15, 3, 6, 7}, 11) * 256).floor().to(at::kByte);
  const LinearFloor of_bytes = fit_linear_floor(bytes, 6);
  const LinearFloor of_floats = fit_linear_floor(bytes.to(at::kDouble) / 255.0, 6);
  EXPECT_EQ(largest(of_bytes.mean - of_floats.mean), 0.0);
  EXPECT_EQ(largest(of_bytes.components - of_floats.components), 0.0);
}

TEST(LinearFloor, ProjectionsStayInTheGreyRange) {
  const at::Tensor pictures = noise({12, 3, 6, 7}, 12).round();
  const at::Tensor seen = project(fit_linear_floor(pictures, 4), 3.0 * pictures - 1.0);
  EXPECT_EQ(seen.sizes(), pictures.sizes());
  EXPECT_EQ(seen.min().item<double>(), 0.0);
  EXPECT_EQ(seen.max().item<double>(), 1.0);
}

// Of full rank, so that the Gaussian's covariance is that of the pictures.
TEST(LinearFloor, VariancesAreThoseOfThePictures) {
  const at::Tensor pictures = noise({40, 1, 2, 3}, 16);
  const LinearFloor floor = fit_linear_floor(pictures, 6);
  ASSERT_EQ(floor.variances.sizes(), at::IntArrayRef({6}));
  const at::Tensor rows = floor.components.to(at::kDouble);
  const at::Tensor covariance = at::matmul(rows.t() * floor.variances.to(at::kDouble), rows);
  EXPECT_LT(largest(covariance - at::cov(pictures.flatten(1).to(at::kDouble).t())), 1e-7);
}

// 100,000 draws of seed 18: each of 33 entries is within 5 standard errors (at most s^2 (2/N)^1/2
// of a covariance, s / N^1/2 of a mean, s^2 the largest variance) with probability over 1 - 2e-5.
TEST(LinearFloor, SamplesHaveTheMeanAndCovarianceOfThePictures) {
  const at::Tensor pictures = 0.5 + 0.05 * (noise({40, 1, 2, 3}, 17) - 0.5);
  const LinearFloor floor = fit_linear_floor(pictures, 6);
  const std::int64_t count = 100'000;
  const at::Tensor drawn =
      linear_samples(floor, at::randn({count, 6}, generator(18), at::TensorOptions(at::kFloat)))
          .to(at::kDouble);
  ASSERT_EQ(drawn.sizes(), at::IntArrayRef({count, 6}));
  const at::Tensor real = pictures.flatten(1).to(at::kDouble);
  const at::Tensor covariance = at::cov(real.t());
  const double variance = covariance.diagonal().max().item<double>();
  const double root = std::sqrt(static_cast<double>(count));
  EXPECT_LT(largest(at::cov(drawn.t()) - covariance), 5 * variance * std::sqrt(2.0) / root);
  EXPECT_LT(largest(drawn.mean(0) - real.mean(0)), 5 * std::sqrt(variance) / root);
}

// With fewer components than the pictures hold, samples lie in their span, and in the grey range.
TEST(LinearFloor, SamplesStayInItsSpanAndInTheGreyRange) {
  const LinearFloor floor = fit_linear_floor(low_rank_pictures(40, 9, 19), 3);
  const at::Tensor random = at::randn({20, 3}, generator(20), at::TensorOptions(at::kFloat));
  const at::Tensor drawn = linear_samples(floor, random);
  EXPECT_LT(largest(project(floor, drawn.reshape({20, 3, 6, 7})).flatten(1) - drawn), 2e-6);
  const at::Tensor wide = linear_samples(floor, 100.0 * random);
  EXPECT_EQ(wide.min().item<double>(), 0.0);
  EXPECT_EQ(wide.max().item<double>(), 1.0);
}

TEST(LinearFloor, LeavesItsInputAlone) {
  const at::Tensor pictures = noise({9, 3, 5, 5}, 13);
  const at::Tensor before = pictures.clone();
  project(fit_linear_floor(pictures, 3), pictures);
  EXPECT_EQ(largest(pictures - before), 0.0);
}

TEST(LinearFloor, RefusesWhatCannotBeFitted) {
  const at::Tensor pictures = noise({5, 3, 4, 4}, 14);
  EXPECT_THROW(fit_linear_floor(pictures, 0), UsageError);
  EXPECT_THROW(fit_linear_floor(pictures.narrow(0, 0, 0), 2), Error);
  EXPECT_THROW(fit_linear_floor(pictures[0], 2), Error);
  EXPECT_THROW(fit_linear_floor(pictures.to(at::kLong), 2), Error);
  EXPECT_THROW(fit_linear_floor(pictures / 0.0, 2), Error);
  EXPECT_THROW(linear_samples(fit_linear_floor(pictures, 2), at::zeros({4, 3})), Error);
  EXPECT_THROW(fit_linear_floor(pictures * std::numeric_limits<double>::quiet_NaN(), 2), Error);
  const LinearFloor floor = fit_linear_floor(pictures, 2);
  try {
    project(floor, noise({2, 3, 4, 5}, 15));
    FAIL() << "another size was accepted";
  } catch (const Error& error) {
    const std::string message = error.what();
    EXPECT_NE(message.find("48 numbers"), std::string::npos) << message;
    EXPECT_NE(message.find("[2, 3, 4, 5]"), std::string::npos) << message;
  }
}

}  // namespace
}  // namespace neurosplat
