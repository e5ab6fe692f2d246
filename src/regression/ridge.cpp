#include "neurosplat/regression/ridge.h"

#include <ATen/ATen.h>

#include <cmath>
#include <limits>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"

namespace neurosplat {
namespace {

/// Features that vary less, beside their magnitude, are constants but for rounding.
constexpr double kLeastDeviation = 1e-9;

void check_rows(const at::Tensor& features, const at::Tensor& outputs, const at::Tensor& groups) {
  if (features.dim() != 2 || outputs.dim() != 2 || groups.dim() != 1 || features.numel() == 0 ||
      outputs.numel() == 0 || features.size(0) != outputs.size(0) ||
      features.size(0) != groups.size(0)) {
    throw Error(text("ridge: expected features [N, F], outputs [N, U] and groups [N], got ",
                     features.sizes(), ", ", outputs.sizes(), " and ", groups.sizes()));
  }
  if (!features.isfinite().all().item<bool>() || !outputs.isfinite().all().item<bool>()) {
    throw Error("ridge: expected finite features and outputs");
  }
}

std::vector<at::Tensor> rows_by_group(const at::Tensor& groups) {
  const auto [values, place] = at::_unique(groups, /*sorted=*/true, /*return_inverse=*/true);
  std::vector<at::Tensor> rows;
  for (std::int64_t group = 0; group < values.size(0); ++group) {
    rows.push_back(place.eq(group).nonzero().flatten());
  }
  if (rows.size() < 2) throw Error("ridge: expected rows of two groups at least, to leave one out");
  return rows;
}

/// The products of rows and what a penalty makes of them.
class Decomposed {
 public:
  explicit Decomposed(const at::Tensor& rows) {
    const auto [values, vectors] = at::linalg_eigh(at::mm(rows, rows.t()), "L");
    values_ = values.clamp_min(0);
    vectors_ = vectors;
  }

  /// H = K (K + n penalty)^-1.
  at::Tensor hat(double penalty) const {
    const auto share = values_ / (values_ + scaled(penalty));
    return at::mm(vectors_ * share, vectors_.t());
  }
  /// (K + n penalty)^-1 y.
  at::Tensor solve(const at::Tensor& y, double penalty) const {
    return at::mm(vectors_, at::mm(vectors_.t(), y) / (values_ + scaled(penalty)).unsqueeze(1));
  }

 private:
  double scaled(double penalty) const { return penalty * static_cast<double>(values_.numel()); }

  at::Tensor values_, vectors_;
};

/// Which of as many numbers as there are groups each output belongs to, int64 [U].
at::Tensor places_of(const at::Tensor& output_groups, std::int64_t outputs) {
  if (!output_groups.defined()) return at::arange(outputs, at::kLong);
  if (output_groups.dim() != 1 || output_groups.numel() != outputs) {
    throw Error(text("ridge: expected a group for each of ", outputs, " outputs, got ",
                     output_groups.sizes()));
  }
  return std::get<1>(at::_unique(output_groups, /*sorted=*/true, /*return_inverse=*/true));
}

at::Tensor left_out_of(const at::Tensor& hat, const at::Tensor& y,
                       const std::vector<at::Tensor>& groups) {
  const auto residuals = y - at::mm(hat, y);
  auto foretold = at::empty_like(y);
  const double mean_share = 1 / static_cast<double>(y.size(0));
  for (const auto& rows : groups) {
    // The mean is fitted too, and without a penalty: a row that the others' mean has seen is what
    // they lack to zero, and looked up where there are as many features as rows.
    const auto own = hat.index_select(0, rows).index_select(1, rows) + mean_share;
    const auto without =
        at::linalg_solve(at::eye(rows.numel(), y.options()) - own, residuals.index_select(0, rows));
    foretold.index_copy_(0, rows, y.index_select(0, rows) - without);
  }
  return foretold;
}

}  // namespace

at::Tensor RidgeFit::predict(const at::Tensor& features) const {
  return at::mm((features.to(at::kDouble) - mean) / deviation, weights) + offset;
}

RidgeFit fit_ridge(const at::Tensor& given_features, const at::Tensor& given_outputs,
                   const at::Tensor& groups, const std::vector<double>& penalties,
                   const at::Tensor& output_groups) {
  check_rows(given_features, given_outputs, groups);
  for (const double penalty : penalties) {
    if (!(penalty > 0 && std::isfinite(penalty))) {
      throw UsageError(text("penalty: expected above 0, got ", penalty));
    }
  }
  if (penalties.empty()) throw UsageError("penalty: expected one at least, got none");
  const auto features = given_features.to(at::kDouble), outputs = given_outputs.to(at::kDouble);
  const auto by_group = rows_by_group(groups);
  RidgeFit fit;
  fit.mean = features.mean(0);
  const auto deviation = (features - fit.mean).square().mean(0).sqrt();
  const auto varies = deviation > kLeastDeviation * (1 + fit.mean.abs());
  fit.deviation = at::where(varies, deviation, at::full_like(deviation, 1));
  fit.offset = outputs.mean(0);
  const auto rows = (features - fit.mean) / fit.deviation * varies;
  const auto y = outputs - fit.offset;
  const Decomposed decomposed(rows);
  const auto count = y.size(1);
  const auto place = places_of(output_groups, count);
  auto best = at::full({count}, std::numeric_limits<double>::infinity(), y.options());
  fit.penalty = at::zeros_like(best);
  fit.left_out = at::zeros_like(y);
  fit.weights = at::zeros({rows.size(1), count}, y.options());
  for (const double penalty : penalties) {
    const auto foretold = left_out_of(decomposed.hat(penalty), y, by_group);
    const auto own = (foretold - y).square().mean(0);
    const auto error = at::zeros_like(own).index_add(0, place, own).index_select(0, place);
    const auto better = error < best;
    best = at::where(better, error, best);
    fit.penalty.masked_fill_(better, penalty);
    fit.left_out = at::where(better, foretold, fit.left_out);
    fit.weights = at::where(better, at::mm(rows.t(), decomposed.solve(y, penalty)), fit.weights);
  }
  fit.left_out += fit.offset;
  return fit;
}

std::vector<double> penalties_between(double least, double most, int count) {
  if (!(least > 0 && most >= least && std::isfinite(most)) || count < 1) {
    throw UsageError(text("penalties: expected 0 < least <= most, got ", least, " and ", most));
  }
  std::vector<double> penalties;
  for (int i = 0; i < count; ++i) {
    const double share = count == 1 ? 0 : static_cast<double>(i) / (count - 1);
    penalties.push_back(least * std::pow(most / least, share));
  }
  return penalties;
}

}  // namespace neurosplat
