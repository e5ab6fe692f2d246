#include "neurosplat/metrics/picture_quality.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>

#include "neurosplat/core/error.h"

namespace neurosplat {
namespace {

at::Tensor noise(at::IntArrayRef size, std::uint64_t seed) {
  return at::rand(size, at::detail::createCPUGenerator(seed), at::TensorOptions(at::kFloat));
}

/// The index of one channel of one picture: numbers by row and column.
using Plane = at::TensorAccessor<double, 2>;

/// One window's similarity straight from the definition: weighted means, central moments.
double window_similarity(const Plane& x, const Plane& y, std::int64_t top, std::int64_t left) {
  double total = 0, mean_x = 0, mean_y = 0;
  const auto weight = [](std::int64_t i, std::int64_t j) {
    const auto di = static_cast<double>(i - 5);
    const auto dj = static_cast<double>(j - 5);
    return std::exp(-(di * di + dj * dj) / (2 * 1.5 * 1.5));
  };
  for (std::int64_t i = 0; i < 11; ++i) {
    for (std::int64_t j = 0; j < 11; ++j) {
      total += weight(i, j);
      mean_x += weight(i, j) * x[top + i][left + j];
      mean_y += weight(i, j) * y[top + i][left + j];
    }
  }
  mean_x /= total;
  mean_y /= total;
  double variance_x = 0, variance_y = 0, covariance = 0;
  for (std::int64_t i = 0; i < 11; ++i) {
    for (std::int64_t j = 0; j < 11; ++j) {
      const double dx = x[top + i][left + j] - mean_x;
      const double dy = y[top + i][left + j] - mean_y;
      variance_x += weight(i, j) / total * dx * dx;
      variance_y += weight(i, j) / total * dy * dy;
      covariance += weight(i, j) / total * dx * dy;
    }
  }
  const double c1 = 0.0001, c2 = 0.0009;
  return (2 * mean_x * mean_y + c1) * (2 * covariance + c2) /
         ((mean_x * mean_x + mean_y * mean_y + c1) * (variance_x + variance_y + c2));
}

double picture_similarity(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor x = a.to(at::kDouble), y = b.to(at::kDouble);
  double sum = 0;
  std::int64_t windows = 0;
  for (std::int64_t channel = 0; channel < x.size(0); ++channel) {
    const at::Tensor plane_x = x[channel], plane_y = y[channel];
    for (std::int64_t top = 0; top + 11 <= x.size(1); ++top) {
      for (std::int64_t left = 0; left + 11 <= x.size(2); ++left, ++windows) {
        sum += window_similarity(plane_x.accessor<double, 2>(), plane_y.accessor<double, 2>(), top,
                                 left);
      }
    }
  }
  return sum / static_cast<double>(windows);
}

TEST(Ssim, EqualsPlainLoopsOverWindows) {
  const at::Tensor a = noise({3, 2, 17, 23}, 1);
  const at::Tensor b = (0.7 * a + 0.3 * noise({3, 2, 17, 23}, 2)).contiguous();
  const at::Tensor values = ssim(a, b);
  ASSERT_EQ(values.scalar_type(), at::kDouble);
  ASSERT_EQ(values.sizes(), at::IntArrayRef({3}));
  for (std::int64_t picture = 0; picture < 3; ++picture) {
    EXPECT_NEAR(values[picture].item<double>(), picture_similarity(a[picture], b[picture]), 1e-12);
  }
}

TEST(Ssim, HoldsInTheSmallestPicture) {
  const at::Tensor a = noise({1, 3, 11, 11}, 3), b = noise({1, 3, 11, 11}, 4);
  EXPECT_NEAR(ssim(a, b).item<double>(), picture_similarity(a[0], b[0]), 1e-12);
}

// scikit-image 0.26.0: structural_similarity(A, B, gaussian_weights=True, sigma=1.5,
// use_sample_covariance=False, data_range=1, channel_axis=-1) and peak_signal_noise_ratio(A, B,
// data_range=1) of this pair of 29 x 37 x 3 pictures.
TEST(PictureQuality, EqualsScikitImage) {
  const at::Tensor i = at::arange(29, at::kDouble).reshape({1, 29, 1});
  const at::Tensor j = at::arange(37, at::kDouble).reshape({1, 1, 37});
  const at::Tensor c = at::arange(1, 4, at::kDouble).reshape({3, 1, 1});
  const at::Tensor wave = 0.3 * i + 0.17 * c * j, envelope = at::cos(0.05 * i * c);
  const at::Tensor a = (0.5 + 0.4 * at::sin(wave) * envelope).unsqueeze(0);
  const at::Tensor b =
      (0.5 + 0.3 * at::sin(wave + 0.4) * envelope + 0.1 * at::sin(1.9 * j + 0.7 * i)).unsqueeze(0);
  EXPECT_NEAR(ssim(a, b).item<double>(), 0.6295354812321969, 1e-12);
  EXPECT_NEAR(psnr_db(a, b).item<double>(), 19.001300782739435, 1e-10);
}

TEST(Ssim, OfConstantPicturesIsTheLuminanceTerm) {
  const double a = 0.25, b = 0.75, c1 = 0.0001;
  const at::Tensor value = ssim(at::full({1, 3, 16, 16}, a), at::full({1, 3, 16, 16}, b));
  EXPECT_NEAR(value.item<double>(), (2 * a * b + c1) / (a * a + b * b + c1), 1e-12);
}

TEST(Ssim, OfAPictureWithItselfIsOneAndTheOrderDoesNotMatter) {
  const at::Tensor a = noise({2, 3, 20, 14}, 5), b = noise({2, 3, 20, 14}, 6);
  EXPECT_LT((ssim(a, a) - 1.0).abs().max().item<double>(), 1e-12);
  EXPECT_LT((ssim(a, b) - ssim(b, a)).abs().max().item<double>(), 1e-14);
  EXPECT_LT(ssim(a, b).max().item<double>(), 0.5);
}

TEST(Psnr, IsTheLogarithmOfTheMeanSquaredErrorOfEachPicture) {
  const at::Tensor a = at::full({3, 3, 8, 8}, 0.5);
  at::Tensor b = a.clone();
  b[1] += 0.25;           // mean squared error 1/16
  b[2][0][0][0] -= 0.5F;  // one number of 192 is off: 1/768
  const at::Tensor values = psnr_db(a, b);
  ASSERT_EQ(values.scalar_type(), at::kDouble);
  EXPECT_EQ(values[0].item<double>(), kLargestPsnrDb);
  EXPECT_NEAR(values[1].item<double>(), 10 * std::log10(16.0), 1e-12);
  EXPECT_NEAR(values[2].item<double>(), 10 * std::log10(768.0), 1e-12);
}

// The cap stands at a mean squared error of 1e-10 and is met by the pictures and by the plain
// error.
TEST(Psnr, IsFiniteHoweverAlikeThePicturesAre) {
  const at::Tensor a = at::full({4, 3, 8, 8}, 0.5, at::kDouble);
  at::Tensor b = a.clone();
  const double offsets[] = {0.0, 0.9e-5, 1.1e-5, 0.1};
  for (std::int64_t i = 0; i < 4; ++i) b[i] += offsets[i];
  const at::Tensor values = psnr_db(a, b);
  for (std::int64_t i = 0; i < 4; ++i) {
    const double expected = i < 2 ? 100.0 : -20.0 * std::log10(offsets[i]);
    EXPECT_NEAR(values[i].item<double>(), expected, 1e-9) << i;
    EXPECT_NEAR(psnr_db_of_error(offsets[i] * offsets[i]), expected, 1e-9) << i;
  }
  EXPECT_EQ(psnr_db_of_error(0.0), 100.0);
  EXPECT_TRUE(std::isfinite(values.mean().item<double>()));
  EXPECT_TRUE(std::isnan(psnr_db_of_error(std::nan(""))));
  EXPECT_TRUE(std::isnan(psnr_db(a, b * std::nan(""))[0].item<double>()));
}

template <class Call>
std::string message_of(const Call& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(PictureQuality, RefusesPicturesThatCannotBeCompared) {
  const at::Tensor picture = at::zeros({1, 3, 16, 16});
  const std::string sizes = message_of([&] { psnr_db(picture, at::zeros({1, 3, 16, 15})); });
  EXPECT_NE(sizes.find("[1, 3, 16, 15]"), std::string::npos) << sizes;
  const std::string bytes = message_of([&] { ssim(picture, picture.to(at::kByte)); });
  EXPECT_NE(bytes.find("Byte"), std::string::npos) << bytes;
  const std::string small = message_of([] {
    ssim(at::ones({1, 3, 16, 10}), at::ones({1, 3, 16, 10}));
  });
  EXPECT_NE(small.find("got 16x10"), std::string::npos) << small;
  EXPECT_THROW(psnr_db(at::zeros({3, 16, 16}), at::zeros({3, 16, 16})), Error);
  EXPECT_THROW(psnr_db(at::Tensor(), picture), Error);
  for (const auto& message : {sizes, bytes, small}) {
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  }
}

// Two numbers of four are off, by 0.1 and 0.3; weights leave the second out or count it twice.
TEST(MapPsnr, IsOverAllNumbersAsTheyWeigh) {
  const auto a = at::zeros({2, 2}, at::kDouble);
  auto b = a.clone();
  b[0][1] = 0.1;
  b[1][0] = 0.3;
  EXPECT_NEAR(map_psnr_db(a, b), -10 * std::log10(0.10 / 4), 1e-12);
  EXPECT_NEAR(map_psnr_db(a.flatten(), b.flatten()), map_psnr_db(a, b), 1e-12);
  EXPECT_EQ(map_psnr_db(a, a), kLargestPsnrDb);
  auto weights = at::ones({2, 2}, at::kDouble);
  EXPECT_NEAR(map_psnr_db(a, b, weights), map_psnr_db(a, b), 1e-12);
  weights[1][0] = 0.0;
  EXPECT_NEAR(map_psnr_db(a, b, weights), -10 * std::log10(0.01 / 3), 1e-12);
  weights[1][0] = 2.0;
  EXPECT_NEAR(map_psnr_db(a, b, weights), -10 * std::log10(0.19 / 5), 1e-12);
  EXPECT_THROW(map_psnr_db(a, b.flatten()), Error);
  EXPECT_THROW(map_psnr_db(a, b, weights.flatten()), Error);
}

}  // namespace
}  // namespace neurosplat
