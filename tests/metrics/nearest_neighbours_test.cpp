#include "neurosplat/metrics/nearest_neighbours.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <limits>

#include "io/one_line.h"

namespace neurosplat {
namespace {

using testing::one_line_error;

at::Tensor noise(at::IntArrayRef size, std::uint64_t seed) {
  return at::rand(size, at::detail::createCPUGenerator(seed), at::TensorOptions(at::kDouble));
}

void expect_brute_force(const at::Tensor& queries, const at::Tensor& references, std::int64_t k) {
  const auto found = nearest_neighbours(queries, references, k);
  ASSERT_EQ(found.distances.scalar_type(), at::kDouble);
  const auto q = queries.to(at::kDouble).flatten(1), r = references.to(at::kDouble).flatten(1);
  const auto all = (q.unsqueeze(1) - r.unsqueeze(0)).square().sum(2).sqrt();
  const auto [distances, indices] = all.sort(/*stable=*/true, 1, /*descending=*/false);
  EXPECT_TRUE(found.indices.equal(indices.narrow(1, 0, k)));
  EXPECT_LT((found.distances - distances.narrow(1, 0, k)).abs().max().item<double>(), 1e-12);
}

TEST(NearestNeighbours, AreThoseOfBruteForce) {
  expect_brute_force(noise({20, 5}, 1), noise({60, 5}, 2), 4);
  expect_brute_force(noise({6, 3, 4, 4}, 3), noise({9, 3, 4, 4}, 4).to(at::kFloat), 9);
}

// 2,048 rows at a time.
TEST(NearestNeighbours, AreThoseOfBruteForceInSeveralBlocks) {
  expect_brute_force(noise({30, 3}, 5), noise({4200, 3}, 6), 3);
  expect_brute_force(noise({2100, 3}, 7), noise({30, 3}, 8), 3);
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
