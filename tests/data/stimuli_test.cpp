#include "neurosplat/data/stimuli.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "neurosplat/core/error.h"

namespace neurosplat {
namespace {

constexpr double pi = std::numbers::pi;

at::Tensor random_patches(std::int64_t batch, std::int64_t side, std::uint64_t seed) {
  auto generator = at::detail::createCPUGenerator(seed);
  return at::randn({batch, side * side}, generator, at::kFloat);
}

TEST(Stationary, ShowsTheSameAgainAndAgain) {
  const auto patches = random_patches(3, 5, 1);
  const auto feeder = stationary(patches);
  for (int t = 0; t < 3; ++t) {
    auto frame = feeder->next();
    EXPECT_TRUE(frame.equal(patches));
    frame.zero_();  // the caller's own
  }
}

// Pictures whose pixels say where they are: 1000 y + x.
at::Tensor places(std::int64_t batch, std::int64_t height, std::int64_t width) {
  const auto picture =
      at::arange(height, at::kFloat).mul(1000).unsqueeze(1) + at::arange(width, at::kFloat);
  return picture.expand({batch, height, width}).contiguous();
}

struct Spread {
  double mean, variance;
};

Spread spread_of(const at::Tensor& numbers) {
  return {numbers.mean().item<double>(), numbers.var().item<double>()};
}

/// Variance of p' = a p + N(0, D) after t steps from 0.
double walk_variance(Walk walk, int t) {
  const double a = 1 - walk.spring;
  return walk.diffusion * (1 - std::pow(a, 2 * t)) / (1 - a * a);
}

// 4,000 walks on two axes. A variance estimated of n normal numbers has a relative error of
// sqrt(2 / n): bounds of 4.5 of those for n = 4,000 fail once in some 150,000 comparisons.
constexpr std::int64_t walks = 4000;
const double variance_error = 4.5 * std::sqrt(2.0 / static_cast<double>(walks));

TEST(JitterCrop, WalksAsAnOrnsteinUhlenbeckProcess) {
  const Walk walk{3.0, 0.05};
  const auto feeder = jitter_crop(places(walks, 71, 71), 1, 11, walk);
  for (int t = 1; t <= 60; ++t) {
    const auto frame = feeder->next().view({-1}).to(at::kDouble);
    if (t != 1 && t != 5 && t != 60) continue;
    const auto y = at::floor(frame / 1000 + 1e-6), x = frame - 1000 * y;
    for (const auto& axis : {y, x}) {
      const auto [mean, variance] = spread_of(axis - 35);
      const double expected = walk_variance(walk, t) + 1.0 / 12;  // rounding to whole pixels
      EXPECT_NEAR(variance, expected, variance_error * expected) << t;
      EXPECT_NEAR(mean, 0, 4.5 * std::sqrt(expected / static_cast<double>(walks))) << t;
    }
    // The axes go their own ways: a correlation has an error of 1 / sqrt(n).
    const auto both = at::corrcoef(at::stack({y, x}))[0][1].item<double>();
    EXPECT_LT(std::abs(both), 4.5 / std::sqrt(static_cast<double>(walks)));
  }
}

TEST(JitterCrop, StaysInsideThePicture) {
  const auto feeder = jitter_crop(places(50, 20, 33), 16, 3, {200.0, 0.01});
  bool top = false, bottom = false, left = false, right = false;
  for (int t = 0; t < 30; ++t) {
    const auto frame = feeder->next().view({50, 16, 16});
    const auto corner = frame.select(1, 0).select(1, 0);
    const auto y = at::floor(corner / 1000), x = corner - 1000 * y;
    EXPECT_TRUE((y.ge(0) & y.le(4) & x.ge(0) & x.le(17)).all().item<bool>());
    top |= y.eq(0).any().item<bool>(), bottom |= y.eq(4).any().item<bool>();
    left |= x.eq(0).any().item<bool>(), right |= x.eq(16).any().item<bool>();
    // The whole window moves.
    const auto expected = corner.view({50, 1, 1}) + places(1, 16, 16);
    EXPECT_TRUE(frame.equal(expected));
  }
  EXPECT_TRUE(top && bottom && left && right);
}

TEST(JitterCrop, UsesThePublishedConstantsAndSeeds) {
  const auto pictures = places(walks, 32, 32);
  const auto one = jitter_crop(pictures, 16, 5), same = jitter_crop(pictures, 16, 5, {0.5, 0.01});
  const auto other = jitter_crop(pictures, 16, 6);
  for (int t = 0; t < 5; ++t) {
    const auto frame = one->next();
    EXPECT_TRUE(frame.equal(same->next()));
    EXPECT_FALSE(frame.equal(other->next()));
  }
}

// A ramp, seen through the middle of a large patch far from its edge, shows where the window is to
// parts of a pixel.
TEST(JitterPad, WalksToPartsOfPixels) {
  const Walk walk{0.6, 0.03};
  constexpr std::int64_t side = 25;
  const auto ramp = places(1, side, side).view({1, side * side}).expand({walks, side * side});
  const auto feeder = jitter_pad(ramp.contiguous(), 100, 12);
  for (int t = 1; t <= 8; ++t) {
    const auto frame = feeder->next().view({walks, side, side}).to(at::kDouble);
    if (t != 1 && t != 8) continue;
    const auto middle = frame.select(1, 12).select(1, 12) - 12012;
    const auto y = middle / 1000;  // and a thousandth of x
    const double expected = walk_variance(walk, t) * (1 + 1e-6);
    const auto [mean, variance] = spread_of(y);
    EXPECT_NEAR(variance, expected, variance_error * expected) << t;
    EXPECT_NEAR(mean, 0, 4.5 * std::sqrt(expected / static_cast<double>(walks))) << t;
  }
}

TEST(JitterPad, InterpolatesAndPadsWithZeros) {
  const auto patches = random_patches(40, 6, 2);
  // Without a step to take the patch stands still; a margin of 0 holds it.
  EXPECT_TRUE(jitter_pad(patches, 3, 1, {0.0, 0.0})->next().equal(patches));
  EXPECT_TRUE(jitter_pad(patches, 0, 1)->next().equal(patches));

  // Where the walk always ends at a margin of 2 pixels, whole pixels move, zeros come in.
  const auto frame = jitter_pad(patches, 2, 1, {1e12, 0.0})->next().view({40, 6, 6});
  const auto square = patches.view({40, 6, 6});
  const auto padded = at::constant_pad_nd(square, {2, 2, 2, 2});
  for (std::int64_t b = 0; b < 40; ++b) {
    bool found = false;
    for (const std::int64_t y : {0, 4})
      for (const std::int64_t x : {0, 4})
        found = found || frame[b].equal(padded[b].narrow(0, y, 6).narrow(1, x, 6));
    EXPECT_TRUE(found) << b;
  }

  // Of a constant patch within a pixel of its place only the border can get darker.
  const auto ones = jitter_pad(at::ones({20, 36}), 1, 4)->next().view({20, 6, 6});
  EXPECT_TRUE((ones.narrow(1, 1, 4).narrow(2, 1, 4) - 1).abs().max().item<double>() < 1e-6);
  EXPECT_LT(ones.min().item<double>(), 0.9);
}

TEST(Rotating, QuarterTurnsAreExact) {
  const auto patches = random_patches(4, 16, 3);
  for (const double first : {0.0, 90.0, -90.0, 720.0}) {
    const auto feeder = rotating(patches, 90, 0, first);
    for (int t = 0; t < 6; ++t) {
      const auto turns = t + std::lround(first / 90);
      const auto expected = at::rot90(patches.view({4, 16, 16}), turns, {1, 2});
      EXPECT_TRUE(feeder->next().equal(expected.reshape({4, 256}))) << first << " " << t;
    }
  }
  const auto odd = random_patches(2, 7, 4);
  const auto feeder = rotating(odd, -90, 0, 0.0);
  feeder->next();
  EXPECT_TRUE(feeder->next().equal(at::rot90(odd.view({2, 7, 7}), -1, {1, 2}).reshape({2, 49})));
}

TEST(Rotating, KeepsTheHistogram) {
  const auto patches = random_patches(5, 16, 5) + 3;
  const auto feeder = rotating(patches, 8, 1);
  for (int t = 0; t < 4; ++t) {
    const auto frame = feeder->next();
    EXPECT_FALSE(frame.equal(patches));
    EXPECT_NEAR((frame.mean(1) - patches.mean(1)).abs().max().item<double>(), 0, 1e-5);
    // Pixels that are alike, those from outside, share a value; all others keep theirs, in order.
    for (std::int64_t b = 0; b < 5; ++b) {
      const auto values = std::get<0>(at::_unique(frame[b]));
      const auto own = at::isin(values, patches[b]).sum().item<std::int64_t>();
      EXPECT_GE(own, values.numel() - 1);
      EXPECT_GT(values.numel(), 180);
    }
  }
}

// A wave across a wide patch: turned by 30 degrees it is the wave whose direction has turned so.
TEST(Rotating, TurnsCounterClockwise) {
  constexpr std::int64_t side = 33;
  const auto middle = static_cast<double>(side - 1) / 2;
  const auto x = (at::arange(side, at::kDouble) - middle).expand({side, side});
  const auto up = -x.t();
  const auto wave = [&](double degrees) {
    const double angle = degrees * pi / 180;
    return at::sin((x * std::cos(angle) + up * std::sin(angle)) * 0.3 + 0.4);
  };
  const auto patch = wave(20).to(at::kFloat).reshape({1, side * side});
  const auto feeder = rotating(patch, 15, 0, 15.0);
  feeder->next();
  const auto frame = feeder->next().view({side, side}).to(at::kDouble);
  const auto inside = (x.square() + up.square()).le(11 * 11);
  const auto likeness = [&](double degrees) {
    const auto seen = frame.masked_select(inside), other = wave(degrees).masked_select(inside);
    return at::corrcoef(at::stack({seen, other}))[0][1].item<double>();
  };
  EXPECT_GT(likeness(50), 0.99);
  EXPECT_LT(likeness(-10), 0.9);
  EXPECT_LT(likeness(45), likeness(50));
  EXPECT_LT(likeness(55), likeness(50));
}

TEST(Rotating, FirstAnglesAreDrawn) {
  // A dot off the middle shows the angle of each patch.
  auto dot = at::zeros({1, 15, 15});
  dot[0][7][13] = 1;
  const auto patches = dot.view({1, 225}).expand({64, 225}).contiguous();
  const auto frame = rotating(patches, 8, 7)->next();
  EXPECT_TRUE(frame.equal(rotating(patches, 8, 7)->next()));
  EXPECT_FALSE(frame.equal(rotating(patches, 8, 8)->next()));
  const auto brightest = frame.argmax(1);
  const auto y = at::floor_divide(brightest, 15) - 7, x = brightest.remainder(15) - 7;
  EXPECT_GT(x.gt(0).sum().item<std::int64_t>(), 12);  // of 64; below 1 in 10^6 when drawn evenly
  EXPECT_GT(x.lt(0).sum().item<std::int64_t>(), 12);
  EXPECT_GT(y.gt(0).sum().item<std::int64_t>(), 12);
  EXPECT_GT(y.lt(0).sum().item<std::int64_t>(), 12);
}

TEST(DriftingGrating, HasItsFrequenciesInSpaceAndTime) {
  constexpr std::int64_t side = 32, frames = 40;
  const Grating grating{{0, 90, 45}, 4.0 / side, 3.0 / frames, 0.7};
  const auto feeder = drifting_grating(grating, side);
  std::vector<at::Tensor> shown;
  for (std::int64_t t = 0; t < frames; ++t) {
    shown.push_back(feeder->next());
    ASSERT_EQ(shown.back().sizes(), at::IntArrayRef({3, side * side}));
    ASSERT_EQ(shown.back().scalar_type(), at::kFloat);
  }
  const auto movies = at::stack(shown).view({frames, 3, side, side}).to(at::kDouble);
  // Where the spectrum of a movie (frames, rows, columns) has its peak, up to its mirror image. A
  // wave of s - v t has opposite signs in space and time.
  const auto spectrum = [&](std::int64_t movie) {
    return at::fft_fftn(movies.select(1, movie)).abs() / static_cast<double>(frames * side * side);
  };
  const auto along_x = spectrum(0), along_y = spectrum(1);
  EXPECT_NEAR(along_x[frames - 3][0][4].item<double>(), 0.35, 1e-6);
  EXPECT_NEAR(along_x[3][0][side - 4].item<double>(), 0.35, 1e-6);
  EXPECT_NEAR(along_x.square().sum().item<double>(), 2 * 0.35 * 0.35, 1e-6);  // nothing else
  EXPECT_NEAR(along_y[frames - 3][4][0].item<double>(), 0.35, 1e-6);
  // At 45 degrees the wave is the same along the other diagonal.
  const auto oblique = movies.select(1, 2);
  EXPECT_LT((oblique.narrow(1, 1, side - 1).narrow(2, 0, side - 1) -
             oblique.narrow(1, 0, side - 1).narrow(2, 1, side - 1))
                .abs()
                .max()
                .item<double>(),
            1e-6);
  EXPECT_NEAR(oblique[0][20][25].item<double>(),
              0.7 * std::sin(2 * pi * 4 / side * (9.5 + 4.5) / std::sqrt(2.0)), 1e-6);
}

TEST(WhiteNoise, IsNormalAndIndependent) {
  const auto feeder = white_noise(400, 16, 21);
  const auto first = feeder->next().to(at::kDouble), second = feeder->next().to(at::kDouble);
  ASSERT_EQ(first.sizes(), at::IntArrayRef({400, 256}));
  // n = 102,400 numbers; 4.5 standard errors of each moment: once in some 150,000 comparisons.
  const double error = 4.5 / std::sqrt(102400.0);
  for (const auto& frame : {first, second}) {
    EXPECT_NEAR(frame.mean().item<double>(), 0, error);
    EXPECT_NEAR(frame.square().mean().item<double>(), 1, error * std::sqrt(2.0));
    EXPECT_NEAR(frame.pow(3).mean().item<double>(), 0, error * std::sqrt(15.0));
    EXPECT_NEAR(frame.pow(4).mean().item<double>(), 3, error * std::sqrt(96.0));
  }
  EXPECT_NEAR((first * second).mean().item<double>(), 0, error);
  EXPECT_NEAR((first.narrow(1, 0, 255) * first.narrow(1, 1, 255)).mean().item<double>(), 0, error);
  EXPECT_TRUE(white_noise(400, 16, 21)->next().equal(first.to(at::kFloat)));
  EXPECT_FALSE(white_noise(400, 16, 22)->next().equal(first.to(at::kFloat)));
}

TEST(MovingBars, FollowTheirFormula) {
  constexpr std::int64_t side = 16;
  const MovingBars bars{{0, 30, 90, 125, 180, 301}};
  const auto feeder = moving_bars(bars, side);
  const double width = 0.2 * side, farthest = side / 2.0 + 1.5 * width;
  for (int t = 0; t < 710; ++t) {
    const auto frame = feeder->next().view({6, side, side});
    if (t < 300 || t >= 700) {
      ASSERT_EQ(frame.abs().sum().item<double>(), 0) << t;
      continue;
    }
    if (t % 7 != 0 && t != 300 && t != 699) continue;
    const double middle = -farthest + 2 * farthest * (t - 300) / 399.0;
    const auto pixels = frame.accessor<float, 3>();
    for (std::int64_t b = 0; b < 6; ++b) {
      const double angle = bars.angles[static_cast<std::size_t>(b)] * pi / 180;
      for (std::int64_t row = 0; row < side; ++row)
        for (std::int64_t column = 0; column < side; ++column) {
          const double x = static_cast<double>(column) - 7.5, y = static_cast<double>(row) - 7.5;
          const double apart = std::abs(-x * std::sin(angle) + y * std::cos(angle) - middle);
          if (std::abs(apart - width / 2) < 1e-9) continue;
          ASSERT_EQ(pixels[b][row][column], apart <= width / 2 ? 1.0F : 0.0F)
              << t << " " << b << " " << row << " " << column;
        }
    }
  }
}

TEST(MovingBars, CrossThePictureOnce) {
  const auto feeder = moving_bars({{0, 90}, 0.2, 5, 101}, 16);
  std::vector<double> rows;
  for (int t = 0; t < 106; ++t) {
    const auto frame = feeder->next().view({2, 16, 16});
    const double lit = frame[0].sum().item<double>();
    if (lit == 0) continue;
    EXPECT_GE(t, 5 + 8);  // it starts a bar's width outside
    // 0 degrees lies along x and moves down; 90 degrees stands up.
    EXPECT_TRUE(frame[0].select(1, 0).unsqueeze(1).expand({16, 16}).equal(frame[0]));
    EXPECT_TRUE(frame[1].select(0, 0).expand({16, 16}).equal(frame[1]));
    const auto y = at::arange(16, at::kFloat);
    rows.push_back((frame[0].select(1, 0) * y).sum().item<double>() * 16 / lit);
  }
  EXPECT_EQ(rows.front(), 0);
  EXPECT_EQ(rows.back(), 15);
  EXPECT_TRUE(std::is_sorted(rows.begin(), rows.end()));
}

TEST(Stimuli, RefuseWhatDoesNotFit) {
  const auto patches = random_patches(2, 4, 1);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THROW(stationary(at::zeros({2, 15})), UsageError);
  EXPECT_THROW(stationary(at::zeros({2, 4, 4})), UsageError);
  EXPECT_THROW(stationary(at::zeros({2, 16}, at::kDouble)), UsageError);
  EXPECT_THROW(stationary(at::zeros({0, 16})), UsageError);
  EXPECT_THROW(stationary(at::full({2, 16}, nan)), UsageError);
  EXPECT_THROW(jitter_crop(at::zeros({2, 15, 32}), 16, 0), UsageError);
  EXPECT_THROW(jitter_crop(at::zeros({2, 256}), 16, 0), UsageError);
  EXPECT_THROW(jitter_crop(at::zeros({2, 32, 32}), 0, 0), UsageError);
  EXPECT_THROW(jitter_crop(at::zeros({2, 32, 32}), 16, 0, {-1.0, 0.0}), UsageError);
  EXPECT_THROW(jitter_crop(at::zeros({2, 32, 32}), 16, 0, {1.0, 2.0}), UsageError);
  EXPECT_THROW(jitter_pad(patches, -1, 0), UsageError);
  EXPECT_THROW(jitter_pad(patches, 1, 0, {nan, 0.1}), UsageError);
  EXPECT_THROW(rotating(patches, nan, 0), UsageError);
  EXPECT_THROW(rotating(patches, 8, 0, nan), UsageError);
  EXPECT_THROW(drifting_grating({{}}, 16), UsageError);
  EXPECT_THROW(drifting_grating({{nan}}, 16), UsageError);
  EXPECT_THROW(drifting_grating({{0}, nan}, 16), UsageError);
  EXPECT_THROW(drifting_grating({{0}}, 0), UsageError);
  EXPECT_THROW(white_noise(0, 16, 0), UsageError);
  EXPECT_THROW(white_noise(2, -1, 0), UsageError);
  EXPECT_THROW(moving_bars({{}}, 16), UsageError);
  EXPECT_THROW(moving_bars({{0}, 0.0}, 16), UsageError);
  EXPECT_THROW(moving_bars({{0}, 0.2, -1}, 16), UsageError);
  EXPECT_THROW(moving_bars({{0}, 0.2, 0, 1}, 16), UsageError);
}

}  // namespace
}  // namespace neurosplat
