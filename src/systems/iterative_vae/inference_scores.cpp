#include "neurosplat/systems/iterative_vae/inference_scores.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <cmath>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "systems/iterative_vae/matrix_checks.h"

namespace neurosplat {
namespace {

void check_pairs(const at::Tensor& patches, const at::Tensor& reconstructions) {
  check_matrix("patches [N, M]", patches);
  check_matrix("reconstructions [N, M]", reconstructions);
  if (patches.sizes() == reconstructions.sizes()) return;
  throw UsageError(text("expected as many reconstructions as patches, of the same size, got ",
                        reconstructions.sizes(), " for ", patches.sizes(),
                        ": score a reconstruction of these patches"));
}

at::Tensor squared_errors(const at::Tensor& patches, const at::Tensor& reconstructions) {
  return (patches.to(at::kDouble) - reconstructions.to(at::kDouble)).square_().sum(1);
}

double least_squares_slope(std::span<const double> values) {
  const double middle = static_cast<double>(values.size() - 1) / 2.0;
  double covariance = 0.0, spread = 0.0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double place = static_cast<double>(i) - middle;
    covariance += place * values[i];
    spread += place * place;
  }
  return covariance / spread;
}

void check_rule(const ConvergenceRule& rule) {
  if (rule.window >= 2 && rule.calm >= 1 && rule.tolerance > 0) return;
  throw UsageError(text("expected windows of at least 2 steps, at least 1 of them and a positive ",
                        "tolerance to find where inference converges, got ", rule.window, ", ",
                        rule.calm, " and ", rule.tolerance, ": change the rule"));
}

}  // namespace

at::Tensor patch_r2(const at::Tensor& patches, const at::Tensor& reconstructions) {
  const c10::NoGradGuard no_grad;
  check_pairs(patches, reconstructions);
  const at::Tensor exact = patches.to(at::kDouble);
  const at::Tensor spread = (exact - exact.mean(1, /*keepdim=*/true)).square_().sum(1);
  // Compared with what is there, so that the rounding of the mean counts as no spread.
  const at::Tensor flat = exact.amax(1) == exact.amin(1);
  const at::Tensor r2 = 1.0 - squared_errors(patches, reconstructions) / spread;
  return r2.masked_fill(flat, std::nan(""));
}

double mean_r2(const at::Tensor& patches, const at::Tensor& reconstructions) {
  const c10::NoGradGuard no_grad;
  check_pairs(patches, reconstructions);
  const at::Tensor flat = patches.amax(1) == patches.amin(1);
  // Selected, not nanmean: a NaN in a reconstruction must show.
  const at::Tensor r2 = patch_r2(patches, reconstructions).masked_select(flat.logical_not());
  return r2.mean().item<double>();
}

double summed_squared_error(const at::Tensor& patches, const at::Tensor& reconstructions) {
  const c10::NoGradGuard no_grad;
  check_pairs(patches, reconstructions);
  return squared_errors(patches, reconstructions).mean().item<double>();
}

double share_of_zeros(const at::Tensor& activity) {
  const c10::NoGradGuard no_grad;
  check_matrix("activity [N, K]", activity);
  const auto zeros = (activity == 0).sum().item<std::int64_t>();
  return static_cast<double>(zeros) / static_cast<double>(activity.numel());
}

double distance_to_ideal(double r2, double zeros) {
  return std::hypot(1.0 - r2, 1.0 - zeros);
}

at::Tensor sparsity(const at::Tensor& activity, SparsityKind kind) {
  const c10::NoGradGuard no_grad;
  check_matrix("activity [N, K]", activity);
  const std::int64_t over = kind == SparsityKind::lifetime ? 0 : 1;
  const std::int64_t count = activity.size(over);
  if (count < 2) {
    throw UsageError(text("expected at least 2 ",
                          kind == SparsityKind::lifetime ? "samples" : "neurons",
                          " to take a sparsity over, got 1: give more activity"));
  }
  const auto m = static_cast<double>(count);
  const at::Tensor exact = activity.to(at::kDouble);
  const at::Tensor squares = exact.square().sum(over);
  const at::Tensor score = (1.0 - exact.sum(over).square_() / (squares * m)) / (1.0 - 1.0 / m);
  return score.masked_fill(squares == 0, 1.0);
}

std::optional<std::int64_t> convergence_step(std::span<const double> r2,
                                             const ConvergenceRule& rule) {
  check_rule(rule);
  const auto steps = static_cast<std::int64_t>(r2.size());
  const auto length = static_cast<std::size_t>(rule.window);
  std::int64_t calm = 0;
  for (std::int64_t start = 0; start + rule.window <= steps; ++start) {
    const double slope = least_squares_slope(r2.subspan(static_cast<std::size_t>(start), length));
    calm = std::abs(slope) / static_cast<double>(rule.window) < rule.tolerance ? calm + 1 : 0;
    if (calm == rule.calm) return start - (rule.calm - 1) + rule.window;
  }
  return std::nullopt;
}

}  // namespace neurosplat
