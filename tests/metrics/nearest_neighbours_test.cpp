#include "neurosplat/metrics/nearest_neighbours.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "io/one_line.h"

namespace neurosplat {
namespace {

using testing::one_line_error;

at::Tensor noise(at::IntArrayRef size, std::uint64_t seed) {
  return at::rand(size, at::detail::createCPUGenerator(seed), at::TensorOptions(at::kDouble));
}

void expect_brute_force(const at::Tensor& queries, const at::Tensor& references, std::int64_t k) {
  const auto found = nearest_neighbours(queries, references, k);
  ASSERT_EQ(found.indices.sizes(), at::IntArrayRef({queries.size(0), k}));
  ASSERT_EQ(found.indices.scalar_type(), at::kLong);
  ASSERT_EQ(found.distances.scalar_type(), at::kDouble);
  const auto q = queries.to(at::kDouble).flatten(1), r = references.to(at::kDouble).flatten(1);
  for (std::int64_t row = 0; row < q.size(0); ++row) {
    std::vector<double> distances;
    for (std::int64_t j = 0; j < r.size(0); ++j)
      distances.push_back((q[row] - r[j]).norm().item<double>());
    std::vector<std::int64_t> order(distances.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
      return distances[static_cast<std::size_t>(a)] < distances[static_cast<std::size_t>(b)];
    });
    for (std::int64_t n = 0; n < k; ++n) {
      const auto expected = order[static_cast<std::size_t>(n)];
      EXPECT_EQ(found.indices[row][n].item<std::int64_t>(), expected) << row << " " << n;
      EXPECT_NEAR(found.distances[row][n].item<double>(),
                  distances[static_cast<std::size_t>(expected)], 1e-12);
    }
  }
}

TEST(NearestNeighbours, AreThoseOfBruteForce) {
  expect_brute_force(noise({20, 5}, 1), noise({60, 5}, 2), 4);
  expect_brute_force(noise({6, 3, 4, 4}, 3), noise({9, 3, 4, 4}, 4).to(at::kFloat), 9);
}

// 2^21 numbers a row: four rows of references and of queries at a time.
TEST(NearestNeighbours, AreThoseOfBruteForceInSeveralBlocks) {
  const std::int64_t width = std::int64_t{1} << 21;
  const auto base = noise({1, width}, 5);
  const auto scales = at::tensor({1., 7., 3., 9., 5., 2., 8., 4., 6.}, at::kDouble).view({9, 1});
  const auto references = (base * scales).to(at::kFloat);
  const auto queries = (base * at::tensor({2.2, 8.7, 4.6, 1.3, 6.9}, at::kDouble).view({5, 1}));
  const auto found = nearest_neighbours(queries.to(at::kFloat), references, 2);
  const auto expected = at::tensor({5, 2, 3, 6, 4, 7, 0, 5, 1, 8}, at::kLong).view({5, 2});
  EXPECT_TRUE(found.indices.equal(expected)) << found.indices;
  EXPECT_NEAR(found.distances[0][0].item<double>(), 0.2 * base.norm().item<double>(), 1e-2);
}

// Products would leave some 1e-8 here. Of equal references the first comes first.
TEST(NearestNeighbours, OfTheSamePictureAreAtNoDistance) {
  const auto pictures = noise({30, 3, 8, 8}, 6).to(at::kFloat);
  const auto twice = at::cat({pictures, pictures});
  const auto found = nearest_neighbours(pictures.narrow(0, 4, 10), twice, 2);
  EXPECT_EQ(found.distances.abs().max().item<double>(), 0);
  EXPECT_TRUE(found.indices.select(1, 0).equal(at::arange(4, 14)));
  EXPECT_TRUE(found.indices.select(1, 1).equal(at::arange(34, 44)));
}

TEST(NearestNeighbours, TakeBytesForSharesOf255) {
  const auto bytes = at::randint(256, {12, 3, 4, 4}, at::detail::createCPUGenerator(7),
                                 at::TensorOptions(at::kByte));
  const auto queries = noise({5, 3, 4, 4}, 8);
  const auto of_bytes = nearest_neighbours(queries, bytes, 3);
  const auto of_shares = nearest_neighbours(queries, bytes.to(at::kDouble) / 255.0, 3);
  EXPECT_TRUE(of_bytes.indices.equal(of_shares.indices));
  EXPECT_LT((of_bytes.distances - of_shares.distances).abs().max().item<double>(), 1e-12);
}

TEST(NearestNeighbours, RefuseWhatCannotBeCompared) {
  const auto rows = noise({4, 3}, 9);
  auto broken = rows.clone();
  broken[1][2] = std::numeric_limits<double>::infinity();
  one_line_error([&] { nearest_neighbours(rows, rows, 0); });
  one_line_error([&] { nearest_neighbours(rows, rows, 5); });
  one_line_error([&] { nearest_neighbours(rows, noise({4, 2}, 1), 1); });
  one_line_error([&] { nearest_neighbours(rows, {}, 1); });
  one_line_error([&] { nearest_neighbours(rows.flatten(), rows, 1); });
  one_line_error([&] { nearest_neighbours(rows.to(at::kLong), rows, 1); });
  one_line_error([&] { nearest_neighbours(rows, broken, 1); });
  one_line_error([&] { nearest_neighbours(broken, rows, 1); });
}

}  // namespace
}  // namespace neurosplat
