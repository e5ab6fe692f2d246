#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "simd/simd_kernels.h"

namespace neurosplat {
namespace {

using Floats = std::vector<float>;

TEST(SimdMath, ExponentialsAreThoseOfTheLibrary) {
  Floats in;
  for (int i = -8000; i < 8000; ++i) in.push_back(0.01F * static_cast<float>(i));
  Floats out(in.size());
  testing::exponentials(in.data(), static_cast<std::int64_t>(in.size()), out.data());
  for (std::size_t i = 0; i < in.size(); ++i) {
    EXPECT_NEAR(static_cast<double>(out[i]) / std::exp(static_cast<double>(in[i])), 1, 3e-7)
        << in[i];
  }
}

TEST(SimdMath, ExponentialsOfNegativesToo) {
  Floats in;
  for (int i = 0; i < 8700; ++i) in.push_back(-0.01F * static_cast<float>(i));
  Floats out(in.size());
  testing::exponentials_of_negatives(in.data(), static_cast<std::int64_t>(in.size()), out.data());
  for (std::size_t i = 0; i < in.size(); ++i) {
    EXPECT_NEAR(static_cast<double>(out[i]) / std::exp(static_cast<double>(in[i])), 1, 3e-7)
        << in[i];
  }
}

TEST(SimdMath, WavesOfAnyNumberOfHalfTurns) {
  Floats in;
  for (int i = -4000; i < 4000; ++i) in.push_back(0.0037F * static_cast<float>(i));
  for (const float x : {0.5F, -0.5F, 1.0F, 1.5F, 1e5F + 0.25F, -4e6F, 1e6F, 0.0F}) in.push_back(x);
  Floats sine(in.size()), cosine(in.size());
  testing::waves(in.data(), static_cast<std::int64_t>(in.size()), sine.data(), cosine.data());
  for (std::size_t i = 0; i < in.size(); ++i) {
    const double angle = M_PI * std::fmod(static_cast<double>(in[i]), 2.0);
    EXPECT_NEAR(sine[i], std::sin(angle), 2e-7) << in[i];
    EXPECT_NEAR(cosine[i], std::cos(angle), 2e-7) << in[i];
  }
}

TEST(SimdMath, SumsOverLanesAndAnyLane) {
  Floats in(36), out(9);
  for (std::size_t i = 0; i < in.size(); ++i) in[i] = static_cast<float>((7 * i + 3) % 31);
  for (std::size_t i = 0; i < 9; ++i) out[i] = static_cast<float>(100 * i);
  testing::add_rows(in.data(), out.data());
  for (std::size_t i = 0; i < 9; ++i) {
    EXPECT_EQ(out[i], static_cast<float>(100 * i) + in[4 * i] + in[4 * i + 1] + in[4 * i + 2] +
                          in[4 * i + 3]);
  }
  for (int lane = -1; lane < 4; ++lane) {
    Floats values(4, -1.0F);
    if (lane >= 0) values[static_cast<std::size_t>(lane)] = 1.0F;
    EXPECT_EQ(testing::any_above_zero(values.data()), lane >= 0);
  }
}

TEST(SimdMath, LogarithmsAreThoseOfTheLibrary) {
  Floats in;
  for (int i = -1000; i < 1000; ++i) in.push_back(std::exp(0.08F * static_cast<float>(i)));
  for (int i = 0; i < 400; ++i) in.push_back(1.0F + 0.002F * static_cast<float>(i - 200));
  Floats out(in.size());
  testing::logarithms(in.data(), static_cast<std::int64_t>(in.size()), out.data());
  for (std::size_t i = 0; i < in.size(); ++i) {
    const double exact = std::log(static_cast<double>(in[i]));
    EXPECT_NEAR(out[i], exact, 1e-7 * std::max(1.0, std::abs(exact))) << in[i];
  }
}

/// 20 cells of 10,000 each on average: chi-squared of 19 degrees of freedom is below 43.8 with
/// probability .999 (seeds 1 to 4 were fixed before).
TEST(SimdRandom, NumbersAreUniform) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    constexpr std::int64_t kCount = 200000;
    Floats u(kCount);
    testing::uniforms(simd::random_key(seed, 3), kCount, u.data());
    std::vector<double> cells(20);
    for (const float x : u) {
      ASSERT_GT(x, 0);
      ASSERT_LE(x, 1);
      ++cells[std::min<std::size_t>(19, static_cast<std::size_t>(20 * x))];
    }
    double chi = 0;
    for (const double n : cells) chi += (n - kCount / 20.0) * (n - kCount / 20.0) / (kCount / 20.0);
    EXPECT_LT(chi, 43.8);
  }
}

/// Correlations of 200,000 pairs are N(0, 1/200,000): within 4 standard deviations at every one of
/// 200 distances, and between streams and seeds that differ by one, with probability .98.
TEST(SimdRandom, NumbersDoNotKnowOfEachOther) {
  constexpr std::int64_t kCount = 200400, kUsed = 200000;
  const double bound = 4 / std::sqrt(static_cast<double>(kUsed));
  Floats one(kCount), other(kCount);
  testing::uniforms(simd::random_key(9, 1), kCount, one.data());
  const auto correlation = [](const float* a, const float* b) {
    double sum = 0;
    for (std::int64_t i = 0; i < kUsed; ++i) sum += (a[i] - 0.5) * (b[i] - 0.5);
    return 12 * sum / kUsed;
  };
  for (int lag = 1; lag <= 200; ++lag) {
    EXPECT_LT(std::abs(correlation(one.data(), one.data() + lag)), bound) << lag;
  }
  testing::uniforms(simd::random_key(9, 2), kCount, other.data());
  EXPECT_LT(std::abs(correlation(one.data(), other.data())), bound);
  testing::uniforms(simd::random_key(10, 1), kCount, other.data());
  EXPECT_LT(std::abs(correlation(one.data(), other.data())), bound);
}

/// Moments of a million: within 4 standard deviations of the closed forms.
TEST(SimdRandom, WaitsAreExponentialAndNormalsNormal) {
  constexpr std::int64_t kCount = 1000000;
  Floats wait(kCount), first(kCount), second(kCount);
  testing::waits(simd::random_key(2, 0), kCount, wait.data());
  testing::normals(simd::random_key(2, 1), kCount, first.data(), second.data());
  const auto mean_of = [](const Floats& x, auto f) {
    double sum = 0;
    for (const float value : x) sum += f(static_cast<double>(value));
    return sum / static_cast<double>(x.size());
  };
  const auto within = [](double value, double expected, double variance) {
    EXPECT_NEAR(value, expected, 4 * std::sqrt(variance / kCount));
  };
  within(mean_of(wait, [](double x) { return x; }), 1, 1);
  within(mean_of(wait, [](double x) { return x * x; }), 2, 20);
  within(mean_of(wait, [](double x) { return x > 3; }), std::exp(-3), std::exp(-3));
  for (const auto* x : {&first, &second}) {
    within(mean_of(*x, [](double v) { return v; }), 0, 1);
    within(mean_of(*x, [](double v) { return v * v; }), 1, 2);
    within(mean_of(*x, [](double v) { return v * v * v * v; }), 3, 96);
    within(mean_of(*x, [](double v) { return v > 2; }), 0.5 * std::erfc(std::sqrt(2.0)), 0.0223);
  }
  double product = 0;
  for (std::size_t i = 0; i < first.size(); ++i)
    product += static_cast<double>(first[i]) * static_cast<double>(second[i]);
  within(product / kCount, 0, 1);
}

TEST(SimdProduct, IsTheSumOfProducts) {
  for (const std::int64_t rows : {1, 2, 3, 5, 6, 7, 9, 16}) {
    constexpr std::int64_t kColumns = 48, kInner = 19, kStride = 64;
    Floats a(static_cast<std::size_t>(rows * kInner)), b(kInner * kStride), c(16 * kStride, 1.0F);
    for (std::size_t i = 0; i < a.size(); ++i) a[i] = std::sin(static_cast<float>(3 * i + 1));
    for (std::size_t i = 0; i < b.size(); ++i) b[i] = std::cos(static_cast<float>(5 * i + 2));
    for (const bool add : {false, true}) {
      // A lies transposed.
      testing::multiply(
          {rows, kColumns, kInner, a.data(), 1, rows, b.data(), kStride, c.data(), kStride, add});
      for (std::int64_t r = 0; r < rows; ++r) {
        for (std::int64_t j = 0; j < kColumns; ++j) {
          double sum = 0;
          for (std::int64_t k = 0; k < kInner; ++k) {
            sum += static_cast<double>(a[static_cast<std::size_t>(k * rows + r)]) *
                   static_cast<double>(b[static_cast<std::size_t>(k * kStride + j)]);
          }
          EXPECT_NEAR(c[static_cast<std::size_t>(r * kStride + j)], add ? 2 * sum : sum, 1e-5);
        }
      }
      EXPECT_EQ(c[static_cast<std::size_t>(rows > 0 ? kColumns : 0)], 1.0F);  // beyond the columns
    }
  }
}

}  // namespace
}  // namespace neurosplat
