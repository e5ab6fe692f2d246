#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <span>

namespace neurosplat {

// Scores of iterative inference (Vafaii et al. 2025, docs/sources.md). Patches and reconstructions
// are float [N, M], a patch a row; activity is float [N, K], neuron k of patch n. Everything is
// added up in double precision. All throw UsageError where shapes do not fit or nothing is there.

/// What is explained of each patch, float64 [N]: 1 - sum (x - r)^2 / sum (x - mean of x)^2. At most
/// 1; NaN for a patch of one value, of which there is nothing to explain.
at::Tensor patch_r2(const at::Tensor& patches, const at::Tensor& reconstructions);

/// The mean of patch_r2 over the patches that have one; NaN where none has.
double mean_r2(const at::Tensor& patches, const at::Tensor& reconstructions);

/// Squared error summed over the numbers of a patch, averaged over patches.
double summed_squared_error(const at::Tensor& patches, const at::Tensor& reconstructions);

/// Share in [0, 1] of numbers that are exactly 0.
double share_of_zeros(const at::Tensor& activity);

/// Distance sqrt((1 - r2)^2 + (1 - zeros)^2) from a code that explains all with no activity.
double distance_to_ideal(double r2, double zeros);

/// Over what a sparsity is taken: over samples, one for each neuron, or the other way round.
enum class SparsityKind { lifetime, population };

/// (1 - (mean z)^2 / mean z^2) / (1 - 1/m) over m samples [K] or m neurons [N], float64: 0 where
/// all of m are alike, 1 where one alone is active, 1 also where none is. Of activity >= 0 it lies
/// in [0, 1] (Vinje & Gallant 2000, after Treves & Rolls 1991). m must be at least 2.
at::Tensor sparsity(const at::Tensor& activity, SparsityKind kind);

struct ConvergenceRule {
  double tolerance = 1e-5;
  std::int64_t window = 20;  ///< steps that a line is fitted to
  std::int64_t calm = 5;     ///< windows in a row, each one step later, that must be calm
};

/// The step after which a curve of R^2, one value a step, stays put: w + window, where w (counted
/// from 0) is the start of the first of `calm` windows whose slopes all pass
/// |least-squares slope| / window < tolerance. The division is what gives the numbers published
/// with the reference curves: their tolerances bound the change of R^2 per step and step of the
/// window. Nothing where no windows pass. Throws UsageError on a window below 2, calm below 1 or a
/// tolerance that is not positive.
std::optional<std::int64_t> convergence_step(std::span<const double> r2,
                                             const ConvergenceRule& rule = {});

}  // namespace neurosplat
