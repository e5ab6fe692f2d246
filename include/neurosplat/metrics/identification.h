#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

/// Which picture a decoded one was: similarities of decoded pictures (rows) and candidates
/// (columns), the own one at the same place, [N, N], and what to make of them.
namespace neurosplat {

/// Pearson's correlation of each row of [N, D] with each row of [M, D], float64 [N, M]; 0 for a row
/// of equal numbers.
at::Tensor correlations(const at::Tensor& rows, const at::Tensor& others);

/// Of each row, the share of its other candidates that are less alike than the own one: a tie is a
/// failure. float64 [N], chance 1/2; NaN without another candidate. `candidates`: bool [N, N], the
/// own one among them.
at::Tensor two_way(const at::Tensor& similarity, const at::Tensor& candidates);

/// Whether the own picture is more alike than all other candidates (a tie is a failure), float64
/// [N].
at::Tensor identified(const at::Tensor& similarity, const at::Tensor& candidates);

/// Rows choose among those of their own number, int64 [N]: bool [N, N].
at::Tensor candidates_within(const at::Tensor& number);

/// What guessing identifies: the mean of 1 / candidates.
double chance_of(const at::Tensor& candidates);

/// A mean and where it lies with 95 % confidence.
struct Interval {
  double mean, low, high;
};

/// Percentile bootstrap over whole groups (int64 [N]) of values [N]; what is NaN is left out. Rows
/// of one group, frames of a movie say, are not independent. Throws Error for one group only.
Interval bootstrap(const at::Tensor& values, const at::Tensor& group, std::int64_t resamples,
                   std::uint64_t seed);

/// Probability, if decoded pictures had nothing to do with the candidates, that giving each group
/// another group's pictures makes the mean similarity as high: (1 + count) / (1 + shuffles). A
/// group takes the pictures of its turn in the shuffled round in their order, the first ones again
/// where they are fewer. Groups are shuffled within their `stratum` (int64 [N], one a group): the
/// fold they were decoded in, so that all come from the same decoder.
double group_permutation_p(const at::Tensor& similarity, const at::Tensor& group,
                           const at::Tensor& stratum, std::int64_t shuffles, std::uint64_t seed);

/// Spearman's correlation of two representations' dissimilarities (1 - correlation) over all pairs
/// of rows (Kriegeskorte et al. 2008); ties share their mean rank. Rows [N, D] and [N, E].
double representational_similarity(const at::Tensor& rows, const at::Tensor& others);

}  // namespace neurosplat
