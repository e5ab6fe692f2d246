#include "neurosplat/metrics/identification.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <cmath>

#include "neurosplat/core/error.h"

namespace neurosplat {
namespace {

at::Tensor noise(std::int64_t rows, std::int64_t columns, std::uint64_t seed) {
  return at::randn({rows, columns}, at::detail::createCPUGenerator(seed)).to(at::kDouble);
}

at::Tensor all(std::int64_t count) {
  return at::ones({count, count}, at::kBool);
}

/// PyTorch's own coefficient, over stacked rows.
TEST(Identification, CorrelationsAreThoseOfPyTorch) {
  const auto a = 3 + noise(5, 40, 1), b = noise(4, 40, 2) * 7;
  const auto expected = at::corrcoef(at::cat({a, b})).narrow(0, 0, 5).narrow(1, 5, 4);
  EXPECT_TRUE(correlations(a, b).allclose(expected, 1e-10, 1e-12));
  EXPECT_EQ(correlations(at::full({1, 40}, 0.1), b).abs().max().item<double>(), 0);
  EXPECT_THROW(correlations(a, noise(4, 39, 2)), Error);
}

TEST(Identification, ACopyIsAlwaysFound) {
  const auto rows = noise(20, 30, 3);
  const auto alike = correlations(rows, rows);
  EXPECT_EQ(two_way(alike, all(20)).min().item<double>(), 1);
  EXPECT_EQ(identified(alike, all(20)).min().item<double>(), 1);
}

/// 400 rows: the mean of two-way has a deviation below .03 (rows share candidates), top 1 finds one
/// row on average (Poisson: at most six with 99.99 %).
TEST(Identification, NoiseIsAtChance) {
  const auto alike = correlations(noise(400, 30, 4), noise(400, 30, 5));
  EXPECT_NEAR(two_way(alike, all(400)).mean().item<double>(), 0.5, 0.06);
  EXPECT_LE(identified(alike, all(400)).sum().item<double>(), 6);
  EXPECT_NEAR(chance_of(all(400)), 1.0 / 400, 1e-12);
}

TEST(Identification, TiesFail) {
  EXPECT_EQ(two_way(at::ones({4, 4}), all(4)).max().item<double>(), 0);
  EXPECT_EQ(identified(at::ones({4, 4}), all(4)).max().item<double>(), 0);
}

/// By hand: rows 0, 1 and rows 2, 3 choose among themselves.
TEST(Identification, OnlyCandidatesCount) {
  const auto group = at::tensor({0, 0, 1, 1}, at::kLong);
  const auto candidates = group.unsqueeze(0).eq(group.unsqueeze(1));
  const auto alike =
      at::tensor({1., 0., 9., 9., 2., 1., 0., 0., 9., 9., 3., 2., 0., 0., 4., 5.}).view({4, 4});
  EXPECT_TRUE(identified(alike, candidates).equal(at::tensor({1., 0., 1., 1.}, at::kDouble)));
  EXPECT_TRUE(two_way(alike, candidates).equal(at::tensor({1., 0., 1., 1.}, at::kDouble)));
  EXPECT_EQ(chance_of(candidates), 0.5);
  EXPECT_TRUE(std::isnan(two_way(at::ones({1, 1}), all(1)).item<double>()));
  EXPECT_THROW(two_way(alike, all(3)), Error);
}

/// The interval of a mean of independent values is the normal one, within what resampling leaves;
/// values that repeat in groups of ten make it as wide as the groups' means say.
TEST(Identification, BootstrapIsOverGroups) {
  const auto values = noise(400, 1, 6).flatten();
  const auto single = bootstrap(values, at::arange(400, at::kLong), 4000, 1);
  EXPECT_NEAR(single.mean, values.mean().item<double>(), 1e-12);
  const double half = 1.96 * values.std().item<double>() / 20;
  EXPECT_NEAR(single.high - single.mean, half, 0.08 * half);
  EXPECT_NEAR(single.mean - single.low, half, 0.08 * half);
  const auto repeated = values.repeat_interleave(10);
  const auto grouped =
      bootstrap(repeated, at::arange(400, at::kLong).repeat_interleave(10), 4000, 1);
  EXPECT_NEAR(grouped.high - grouped.low, single.high - single.low, 1e-12);
  const auto alone = bootstrap(repeated, at::arange(4000, at::kLong), 4000, 1);
  EXPECT_LT(alone.high - alone.low, 0.4 * (grouped.high - grouped.low));
  EXPECT_THROW(bootstrap(values, at::zeros({400}, at::kLong), 10, 1), Error);
}

/// Under noise p is uniform: of 200 noises, between 2 and 19 are below .05 with 99.9 %. Decoded
/// pictures that share their group's mistake do not change that.
TEST(Identification, PermutationPIsUniformUnderNoise) {
  const auto group = at::arange(10, at::kLong).repeat_interleave(4);
  const auto stratum = at::zeros({40}, at::kLong);
  int low = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const auto shared = noise(10, 12, 3 * seed).repeat_interleave(4, 0);
    const auto movies = noise(10, 12, 3 * seed + 1).repeat_interleave(4, 0);
    const auto alike = correlations(shared + 0.1 * noise(40, 12, 3 * seed + 2), movies);
    if (group_permutation_p(alike, group, stratum, 199, seed) <= 0.05) ++low;
  }
  EXPECT_GE(low, 2);
  EXPECT_LE(low, 19);
}

TEST(Identification, PermutationPSeesWhatIsThere) {
  const auto group = at::arange(10, at::kLong).repeat_interleave(4);
  const auto rows = noise(40, 12, 8);
  const auto alike = correlations(rows + noise(40, 12, 9), rows);
  EXPECT_LE(group_permutation_p(alike, group, at::zeros({40}, at::kLong), 999, 1), 0.002);
  // Two groups a stratum: one of 2^5 shuffles is as good.
  EXPECT_NEAR(group_permutation_p(alike, group, group.div(2, "floor"), 9999, 1), 1.0 / 32, 0.01);
}

/// Ranks by counting, in a double loop.
TEST(Identification, RepresentationalSimilarityIsSpearmans) {
  const auto a = noise(7, 9, 10), b = a.narrow(1, 0, 5) + noise(7, 5, 11);
  std::vector<double> x, y;
  const auto one = correlations(a, a), other = correlations(b, b);
  for (int i = 0; i < 7; ++i) {
    for (int j = i + 1; j < 7; ++j) {
      x.push_back(1 - one[i][j].item<double>());
      y.push_back(1 - other[i][j].item<double>());
    }
  }
  const auto rank = [](const std::vector<double>& values, std::size_t i) {
    double below = 0;
    for (const double value : values) below += value < values[i] ? 1 : value == values[i] ? 0.5 : 0;
    return below;
  };
  auto ranks = at::empty({2, 21}, at::kDouble);
  for (std::size_t i = 0; i < x.size(); ++i) {
    ranks[0][static_cast<std::int64_t>(i)] = rank(x, i);
    ranks[1][static_cast<std::int64_t>(i)] = rank(y, i);
  }
  EXPECT_NEAR(representational_similarity(a, b), at::corrcoef(ranks)[0][1].item<double>(), 1e-10);
  EXPECT_NEAR(representational_similarity(a, 3 * a + 1), 1, 1e-12);
}

}  // namespace
}  // namespace neurosplat
