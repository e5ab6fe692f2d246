#include "neurosplat/metrics/identification.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <random>
#include <vector>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"

namespace neurosplat {
namespace {

at::Tensor standardised(const at::Tensor& rows) {
  const auto centred = rows.to(at::kDouble) - rows.to(at::kDouble).mean(1, /*keepdim=*/true);
  const auto length = centred.norm(2, 1, /*keepdim=*/true);
  // Equal numbers leave rounding behind, relative to their size.
  const auto least = 1e-9 * rows.to(at::kDouble).norm(2, 1, /*keepdim=*/true);
  return at::where(length > least, centred / length.clamp_min(1e-300), at::zeros_like(centred));
}

void check_square(const at::Tensor& similarity, const at::Tensor& candidates) {
  if (similarity.dim() != 2 || similarity.size(0) != similarity.size(1) ||
      similarity.sizes() != candidates.sizes()) {
    throw Error(text("identification: expected similarities and candidates [N, N], got ",
                     similarity.sizes(), " and ", candidates.sizes()));
  }
}

/// Candidates but the own one.
at::Tensor others_of(const at::Tensor& candidates) {
  return candidates.logical_and(at::eye(candidates.size(0)).to(at::kBool).logical_not());
}

/// Rows of each group in their order.
std::vector<std::vector<std::int64_t>> rows_by_group(const at::Tensor& group) {
  std::map<std::int64_t, std::vector<std::int64_t>> rows;
  const auto numbers = group.to(at::kLong).contiguous();
  for (std::int64_t i = 0; i < numbers.numel(); ++i) {
    rows[numbers.const_data_ptr<std::int64_t>()[i]].push_back(i);
  }
  std::vector<std::vector<std::int64_t>> all;
  for (auto& [number, own] : rows) all.push_back(std::move(own));
  return all;
}

/// Ranks of values, ties sharing their mean.
at::Tensor ranks_of(const at::Tensor& values) {
  const auto [unique, place, count] =
      at::unique_consecutive(std::get<0>(values.sort()), /*return_inverse=*/true,
                             /*return_counts=*/true);
  const auto last = count.cumsum(0).to(at::kDouble);
  const auto middle = last - (count.to(at::kDouble) - 1) / 2;
  return middle.index_select(0, at::searchsorted(unique, values));
}

}  // namespace

at::Tensor correlations(const at::Tensor& rows, const at::Tensor& others) {
  if (rows.dim() != 2 || others.dim() != 2 || rows.size(1) != others.size(1)) {
    throw Error(text("correlations: expected rows [N, D] and [M, D], got ", rows.sizes(), " and ",
                     others.sizes()));
  }
  return at::mm(standardised(rows), standardised(others).t());
}

at::Tensor two_way(const at::Tensor& similarity, const at::Tensor& candidates) {
  check_square(similarity, candidates);
  const auto others = others_of(candidates);
  const auto less = similarity.lt(similarity.diagonal().unsqueeze(1)).logical_and(others);
  return less.sum(1).to(at::kDouble) / others.sum(1).to(at::kDouble);
}

at::Tensor identified(const at::Tensor& similarity, const at::Tensor& candidates) {
  check_square(similarity, candidates);
  const auto reached =
      similarity.ge(similarity.diagonal().unsqueeze(1)).logical_and(others_of(candidates));
  return reached.any(1).logical_not().to(at::kDouble);
}

at::Tensor candidates_within(const at::Tensor& number) {
  return number.unsqueeze(0).eq(number.unsqueeze(1));
}

double chance_of(const at::Tensor& candidates) {
  return candidates.sum(1).to(at::kDouble).reciprocal().mean().item<double>();
}

Interval bootstrap(const at::Tensor& values, const at::Tensor& group, std::int64_t resamples,
                   std::uint64_t seed) {
  const auto rows = rows_by_group(group);
  if (rows.size() < 2) throw Error("bootstrap: expected two groups at least, got one");
  const auto there = values.isfinite();
  const auto numbers = at::where(there, values, at::zeros_like(values)).to(at::kDouble);
  const auto place = std::get<1>(at::_unique(group, /*sorted=*/true, /*return_inverse=*/true));
  const auto groups = static_cast<std::int64_t>(rows.size());
  const auto zeros = at::zeros({groups}, at::kDouble);
  const auto sums = zeros.index_add(0, place, numbers);
  const auto counts = zeros.index_add(0, place, there.to(at::kDouble));
  const auto drawn = at::randint(groups, {resamples, groups}, at::detail::createCPUGenerator(seed),
                                 at::TensorOptions(at::kLong));
  const auto means = sums.index_select(0, drawn.flatten()).view({resamples, groups}).sum(1) /
                     counts.index_select(0, drawn.flatten()).view({resamples, groups}).sum(1);
  const auto ends =
      at::quantile(means.masked_select(means.isfinite()), at::tensor({0.025, 0.975}, at::kDouble));
  return {(sums.sum() / counts.sum()).item<double>(), ends[0].item<double>(),
          ends[1].item<double>()};
}

double group_permutation_p(const at::Tensor& similarity, const at::Tensor& group,
                           const at::Tensor& stratum, std::int64_t shuffles, std::uint64_t seed) {
  check_square(similarity, similarity);
  const auto rows = rows_by_group(group);
  const auto alike = similarity.to(at::kDouble).contiguous();
  const auto* value = alike.const_data_ptr<double>();
  const auto count = alike.size(1);
  std::map<std::int64_t, std::vector<std::size_t>> strata;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    strata[stratum[rows[i].front()].item<std::int64_t>()].push_back(i);
  }
  std::vector<std::size_t> partner(rows.size());
  std::iota(partner.begin(), partner.end(), std::size_t{0});
  const auto total = [&] {
    double sum = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto& theirs = rows[partner[i]];
      for (std::size_t k = 0; k < rows[i].size(); ++k) {
        sum += value[rows[i][k] * count + theirs[k % theirs.size()]];
      }
    }
    return sum;
  };
  const double found = total();
  std::mt19937_64 random(seed);
  std::int64_t as_high = 0;
  for (std::int64_t i = 0; i < shuffles; ++i) {
    for (const auto& [number, members] : strata) {
      auto shuffled = members;
      std::shuffle(shuffled.begin(), shuffled.end(), random);
      for (std::size_t k = 0; k < members.size(); ++k) partner[members[k]] = shuffled[k];
    }
    // A shuffle that moves nothing sums in the same order, so that it is never above by rounding.
    if (total() >= found) ++as_high;
  }
  return static_cast<double>(1 + as_high) / static_cast<double>(1 + shuffles);
}

double representational_similarity(const at::Tensor& rows, const at::Tensor& others) {
  if (rows.size(0) != others.size(0) || rows.size(0) < 3) {
    throw Error(text("representational similarity: expected as many rows, three at least, got ",
                     rows.size(0), " and ", others.size(0)));
  }
  const auto pairs = at::triu_indices(rows.size(0), rows.size(0), 1, at::kLong);
  const auto ranks = [&](const at::Tensor& table) {
    return ranks_of(1 - correlations(table, table).index({pairs[0], pairs[1]}));
  };
  return correlations(ranks(rows).unsqueeze(0), ranks(others).unsqueeze(0)).item<double>();
}

}  // namespace neurosplat
