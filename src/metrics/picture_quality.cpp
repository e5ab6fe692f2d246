#include "neurosplat/metrics/picture_quality.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <cmath>
#include <cstdint>
#include <string>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"

namespace neurosplat {
namespace {

constexpr std::int64_t kWindow = 11;
constexpr double kSigma = 1.5;
constexpr double kC1 = 0.01 * 0.01;
constexpr double kC2 = 0.03 * 0.03;

void check_pair(const at::Tensor& a, const at::Tensor& b) {
  if (!a.defined() || !b.defined() || a.dim() != 4 || a.sizes() != b.sizes() || a.numel() == 0 ||
      !a.is_floating_point() || !b.is_floating_point() || a.device() != b.device()) {
    const auto describe = [](const at::Tensor& t) {
      return t.defined() ? text(t.scalar_type(), " ", t.sizes(), " on ", t.device()) : "nothing";
    };
    throw Error(text("expected two floating-point [B, C, H, W] batches of one size on one device, ",
                     "got ", describe(a), " and ", describe(b), ": compare pictures in pairs"));
  }
}

void check_shapes(const at::Tensor& a, const at::Tensor& b) {
  if (a.defined() && b.defined() && a.sizes() == b.sizes()) return;
  const auto describe = [](const at::Tensor& t) {
    return t.defined() ? text(t.sizes()) : std::string("nothing");
  };
  throw Error(text("expected two maps of one shape, got ", describe(a), " and ", describe(b),
                   ": compare maps in pairs"));
}

/// [length - 10, length]: row i holds the Gaussian weights of the window that starts at i.
at::Tensor window_matrix(std::int64_t length, const at::TensorOptions& options) {
  const std::int64_t positions = length - kWindow + 1;
  const at::Tensor offset = at::arange(length, options).unsqueeze(0) -
                            at::arange(positions, options).unsqueeze(1) - (kWindow / 2);
  const at::Tensor weights = at::exp(offset.square() / (-2.0 * kSigma * kSigma)) *
                             (offset.abs() <= static_cast<double>(kWindow / 2)).to(options.dtype());
  return weights / weights.sum(1, /*keepdim=*/true);
}

}  // namespace

double psnr_db_of_error(double mean_squared_error) {
  const double db = -10.0 * std::log10(mean_squared_error);
  return db > kLargestPsnrDb ? kLargestPsnrDb : db;
}

at::Tensor psnr_db(const at::Tensor& a, const at::Tensor& b) {
  const c10::NoGradGuard no_grad;
  check_pair(a, b);
  const at::Tensor difference = a.to(at::kDouble) - b.to(at::kDouble);
  return (difference.square().mean({1, 2, 3}).log10() * -10.0).clamp_max(kLargestPsnrDb);
}

double map_psnr_db(const at::Tensor& a, const at::Tensor& b) {
  const auto row = [](const at::Tensor& map) { return map.reshape({1, 1, 1, -1}); };
  check_shapes(a, b);
  return psnr_db(row(a), row(b)).item<double>();
}

double map_psnr_db(const at::Tensor& a, const at::Tensor& b, const at::Tensor& weights) {
  const c10::NoGradGuard no_grad;
  check_shapes(a, b);
  check_shapes(a, weights);
  const at::Tensor error = (a.to(at::kDouble) - b.to(at::kDouble)).square();
  const at::Tensor weight = weights.to(at::kDouble);
  return psnr_db_of_error(((weight * error).sum() / weight.sum()).item<double>());
}

at::Tensor ssim(const at::Tensor& a, const at::Tensor& b) {
  const c10::NoGradGuard no_grad;
  check_pair(a, b);
  if (a.size(2) < kWindow || a.size(3) < kWindow) {
    throw Error(text("expected pictures of at least ", kWindow, "x", kWindow, " for SSIM, got ",
                     a.size(2), "x", a.size(3), ": compare larger pictures"));
  }
  const at::Tensor x = a.to(at::kDouble);
  const at::Tensor y = b.to(at::kDouble);
  const at::Tensor rows = window_matrix(x.size(2), x.options());
  const at::Tensor columns = window_matrix(x.size(3), x.options()).t();
  const auto local_mean = [&](const at::Tensor& map) {
    return at::matmul(rows, at::matmul(map, columns));
  };
  const at::Tensor mean_x = local_mean(x);
  const at::Tensor mean_y = local_mean(y);
  const at::Tensor product = mean_x * mean_y;
  const at::Tensor squares = mean_x.square() + mean_y.square();
  const at::Tensor covariance = local_mean(x * y) - product;
  const at::Tensor variances = local_mean(x.square() + y.square()) - squares;
  const at::Tensor similarity =
      (2.0 * product + kC1) * (2.0 * covariance + kC2) / ((squares + kC1) * (variances + kC2));
  return similarity.mean({1, 2, 3});
}

}  // namespace neurosplat
