#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

namespace neurosplat {

// The locally competitive algorithm (Rozell, Johnson, Baraniuk & Olshausen 2008, docs/sources.md):
// neurons that inhibit each other settle where a lasso has its least objective. On the CPU, in
// float32; the products are matrix products of a whole batch.

struct LcaSettings {
  double lambda = 0.5;            ///< threshold, and weight of |a|_1
  std::int64_t iterations = 900;  ///< Euler steps from rest
  double tau = 100.0;             ///< steps of a time constant
};

/// Codes float32 [N, K] of patches float [N, M] for a dictionary float [M, K] with columns of unit
/// length: u' = (D^T x - u - (D^T D - 1) a) / tau from u = 0, a = u where |u| goes beyond lambda,
/// less lambda in size, else exactly 0. Throws UsageError on settings or shapes that do not fit and
/// on columns of another length, Error where numbers are not finite: the steps diverge where the
/// largest eigenvalue of D^T D is above 2 tau.
at::Tensor lca_codes(const at::Tensor& dictionary, const at::Tensor& patches,
                     const LcaSettings& settings = {});

/// |x - D a|^2 / 2 + lambda |a|_1 of each patch, float64 [N].
at::Tensor lasso_objective(const at::Tensor& dictionary, const at::Tensor& patches,
                           const at::Tensor& codes, double lambda);

struct LcaDictionarySettings {
  LcaSettings inference{};  ///< its lambda is the last one, reached from below
  std::int64_t columns = 512;
  double rate = 0.01;         ///< eta
  std::int64_t batch = 1000;  ///< patches a step; an incomplete last batch is left out
  std::int64_t epochs = 100;
  double first_lambda = 0.05;
  double lambda_step = 0.1;            ///< added to lambda
  std::int64_t epochs_per_lambda = 5;  ///< after so many epochs, until inference.lambda is reached
};

/// Lambda of an epoch, counted from 0.
double lambda_of_epoch(const LcaDictionarySettings& settings, std::int64_t epoch);

struct LcaProgress {
  std::int64_t epoch;  ///< that has ended, from 0
  double lambda;       ///< it had
  double objective;    ///< mean over its patches, as they came
  double zeros;        ///< share of its code that was exactly 0
};

/// Learns a dictionary float32 [M, K] from patches float [N, M]: random columns, then for each
/// batch of a shuffled epoch D += eta (x - D a)^T a, averaged over the batch, and columns of unit
/// length again. The same seed gives the same dictionary on the same machine. `ended` is told of
/// every epoch and ends learning by returning false. Throws as lca_codes, UsageError also on fewer
/// patches than a batch.
at::Tensor learn_lca_dictionary(const at::Tensor& patches, const LcaDictionarySettings& settings,
                                std::uint64_t seed,
                                const std::function<bool(const LcaProgress&)>& ended = {});

}  // namespace neurosplat
