#include "renderer/packets/matrix/axis_map.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <random>
#include <vector>

#include "renderer/packets/matrix/matrix_kernels.h"

namespace neurosplat::packet::matrix {
namespace {

constexpr double kPi = std::numbers::pi;

/// A packet's factor along one axis, canvas units.
struct Factor {
  double centre, width, frequency, phase;

  double at(double place) const {
    const double d = place - centre;
    return std::exp(-d * d / (2 * width * width)) * std::cos(2 * kPi * frequency * d + phase);
  }
};

/// Largest error at any pixel, over packets at the edge of the grid's band.
double largest_error(const PointGrid& grid, std::int64_t length) {
  const AxisMap& map = axis_map(grid.points, length);
  std::mt19937_64 random(3);
  std::uniform_real_distribution<double> uniform(0, 1);
  const double narrowest = kSpread / (2 * kPi * grid.band);
  double largest = 0;
  for (int i = 0; i < 400; ++i) {
    const double width =
        i % 4 == 0 ? narrowest : narrowest * std::pow(kBroadest / narrowest, uniform(random));
    const Factor factor{1.4 * uniform(random) - 0.2, width, grid.band - kSpread / (2 * kPi * width),
                        2 * kPi * uniform(random)};
    std::vector<double> values;
    for (std::int64_t k = 0; k < grid.points; ++k) {
      values.push_back(
          factor.at(static_cast<double>(map.positions[static_cast<std::size_t>(k)]) / map.side));
    }
    for (std::int64_t j = 0; j < length; ++j) {
      double sum = 0;
      for (std::size_t k = 0; k < values.size(); ++k) {
        sum +=
            static_cast<double>(map.spread[static_cast<std::size_t>(j * padded(grid.points)) + k]) *
            values[k];
      }
      const double place = static_cast<double>(j) / static_cast<double>(length - 1);
      largest = std::max(largest, std::abs(sum - factor.at(place)));
    }
  }
  return largest;
}

TEST(AxisMap, CarriesPacketsUpToItsBand) {
  for (const PointGrid& grid : kPointGrids) {
    // float32 weights add some 1e-7 to the matrix's own 1e-7.
    EXPECT_LE(largest_error(grid, grid.points + 37), 2.5e-7) << grid.points;
  }
}

TEST(AxisMap, FailsBeyondItsBand) {
  for (const PointGrid& grid : kPointGrids) {
    EXPECT_GT(largest_error({grid.points, 1.25 * grid.band}, 2 * grid.points), 1e-6) << grid.points;
  }
}

TEST(AxisMap, IsTheIdentityWhereItWouldNotBeSmaller) {
  const AxisMap& map = axis_map(64, 50);
  EXPECT_TRUE(map.identity);
  EXPECT_EQ(map.points, 50);
  ASSERT_EQ(map.positions.size(), 64u);
  EXPECT_EQ(map.positions[49], 49.0f);
  EXPECT_EQ(map.side, 49.0);
  EXPECT_FALSE(axis_map(48, 50).identity);
}

// Pictures are drawn side by side, and a packet may ask for a grid that no one has made yet.
// (Training once hung here in MKL's factorisation; not every process does.)
TEST(AxisMap, IsMadeWithinAParallelRegion) {
  std::vector<const AxisMap*> maps(8);
  at::parallel_for(0, 8, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      for (const PointGrid& grid : kPointGrids) {
        maps[static_cast<std::size_t>(i)] = &axis_map(grid.points, 57 + i);
      }
    }
  });
  for (std::int64_t i = 0; i < 8; ++i) {
    EXPECT_EQ(maps[static_cast<std::size_t>(i)], &axis_map(kPointGrids.back().points, 57 + i));
  }
}

TEST(AxisMap, MatricesAreTransposedAndPaddedWithZeros) {
  const AxisMap& map = axis_map(16, 40);
  const auto at = [](const AlignedFloats& m, std::int64_t i) {
    return m[static_cast<std::size_t>(i)];
  };
  for (std::int64_t j = 0; j < 48; ++j) {
    for (std::int64_t k = 0; k < 16; ++k) {
      EXPECT_EQ(at(map.gather, k * 48 + j), j < 40 ? at(map.spread, j * 16 + k) : 0.0f);
    }
  }
}

}  // namespace
}  // namespace neurosplat::packet::matrix
