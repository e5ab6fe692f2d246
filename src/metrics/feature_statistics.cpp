#include "neurosplat/metrics/feature_statistics.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <limits>
#include <tuple>
#include <vector>

#include "metrics/distances.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"

namespace neurosplat {
namespace {

/// Distances held at once: 128 MiB.
constexpr std::int64_t kDistancesAtOnce = std::int64_t{1} << 24;

at::Tensor checked(const at::Tensor& features, std::int64_t fewest) {
  if (!features.defined() || features.dim() != 2 || !features.is_floating_point() ||
      features.size(0) < fewest || features.size(1) < 1)
    throw Error(
        text("expected features [N >= ", fewest, ", D], floating-point, got ",
             features.defined() ? text(features.scalar_type(), " ", features.sizes()) : "nothing",
             ": give those of at least ", fewest, " pictures"));
  at::Tensor rows = features.to(at::kCPU, at::kDouble);
  if (!at::isfinite(rows).all().item<bool>())
    throw Error("expected finite features, got NaN or infinity: check the pictures");
  return rows;
}

void check_widths(const at::Tensor& a, const at::Tensor& b) {
  if (a.size(1) == b.size(1)) return;
  throw Error(text("expected features of one network, got ", a.sizes(), " and ", b.sizes(),
                   ": make both with the same"));
}

at::Tensor covariance(const at::Tensor& rows, const at::Tensor& mean) {
  const at::Tensor centred = rows - mean;
  return at::matmul(centred.t(), centred) / static_cast<double>(rows.size(0) - 1);
}

/// Eigenvalues of a covariance; below 0 is rounding.
std::tuple<at::Tensor, at::Tensor> eigen(const at::Tensor& symmetric) {
  auto [values, vectors] = at::linalg_eigh(symmetric);
  return {values.clamp_min(0.0), vectors};
}

/// function(squared distances of rows [begin, begin + n) of one to all of the other, begin),
/// joined.
template <typename Function>
at::Tensor over_distances(const at::Tensor& one, const at::Tensor& other,
                          const Function& function) {
  const std::int64_t rows = std::max<std::int64_t>(1, kDistancesAtOnce / other.size(0));
  std::vector<at::Tensor> parts;
  for (std::int64_t begin = 0; begin < one.size(0); begin += rows) {
    const std::int64_t count = std::min(rows, one.size(0) - begin);
    parts.push_back(function(squared_distances(one.narrow(0, begin, count), other), begin));
  }
  return at::cat(parts);
}

/// Squared distance of each row to its k-th nearest other row.
at::Tensor squared_radii(const at::Tensor& rows, std::int64_t k) {
  return over_distances(rows, rows, [&](const at::Tensor& distances, std::int64_t begin) {
    distances.diagonal(begin).fill_(std::numeric_limits<double>::infinity());
    return std::get<0>(distances.kthvalue(k, 1));
  });
}

double share_inside(const at::Tensor& points, const at::Tensor& centres, std::int64_t k) {
  const at::Tensor radii = squared_radii(centres, k).unsqueeze(0);
  const auto inside = over_distances(
      points, centres,
      [&](const at::Tensor& distances, std::int64_t) { return (distances <= radii).any(1); });
  return inside.to(at::kDouble).mean().item<double>();
}

}  // namespace

at::Tensor squared_distances(const at::Tensor& one, const at::Tensor& other) {
  const auto lengths = [](const at::Tensor& rows) { return (rows * rows).sum(1); };
  auto distances = at::addmm(lengths(other).unsqueeze(0), one, other.t(), /*beta=*/1, /*alpha=*/-2);
  return distances.add_(lengths(one).unsqueeze(1)).clamp_min_(0.0);
}

double frechet_distance(const at::Tensor& a, const at::Tensor& b) {
  const c10::NoGradGuard no_grad;
  const at::Tensor one = checked(a, 2);
  const at::Tensor other = checked(b, 2);
  check_widths(one, other);
  const at::Tensor mean1 = one.mean(0);
  const at::Tensor mean2 = other.mean(0);
  const at::Tensor covariance1 = covariance(one, mean1);
  const at::Tensor covariance2 = covariance(other, mean2);
  const auto [values, vectors] = eigen(covariance1);
  const at::Tensor root = at::matmul(vectors * values.sqrt(), vectors.t());
  const at::Tensor product = at::matmul(at::matmul(root, covariance2), root);
  const at::Tensor common = std::get<0>(eigen((product + product.t()) / 2.0)).sqrt().sum();
  const at::Tensor distance =
      (mean1 - mean2).square().sum() + covariance1.trace() + covariance2.trace() - common * 2.0;
  return std::max(0.0, distance.item<double>());
}

PrecisionRecall precision_recall(const at::Tensor& real, const at::Tensor& generated,
                                 std::int64_t k) {
  const c10::NoGradGuard no_grad;
  if (k < 1) throw Error(text("expected at least 1 neighbour, got ", k, ": 3 is usual"));
  const at::Tensor real_rows = checked(real, k + 1);
  const at::Tensor generated_rows = checked(generated, k + 1);
  check_widths(real_rows, generated_rows);
  return {share_inside(generated_rows, real_rows, k), share_inside(real_rows, generated_rows, k)};
}

}  // namespace neurosplat
