#include "neurosplat/perception/packet_gram.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include <numbers>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/packet/packet.h"

namespace neurosplat {
namespace {

/// Rows Re X_n, then Im X_n at all pixels of an axis, [2N, length].
at::Tensor axis_factors(const at::Tensor& geometry, bool vertical, std::int64_t length) {
  const auto places = at::linspace(0, 1, length, at::kDouble);
  const auto number = [&](int i) { return geometry.select(1, i).to(at::kDouble).unsqueeze(1); };
  const auto d = places - number(vertical ? packet::kY : packet::kX);
  const auto angle = number(packet::kOrientation);
  const auto turns = number(packet::kFrequency) * (vertical ? angle.sin() : angle.cos()) * d;
  const auto phase = ((turns - turns.round()) * packet::kTwoPi).to(at::kFloat);
  const auto envelope = at::exp((-0.5 * (d / number(packet::kWidth)).square()).to(at::kFloat));
  return at::cat({envelope * phase.cos(), envelope * phase.sin()}, 0);
}

/// Sums of E_m conj(E_n) and E_m E_n are products of those along the axes; from them the inner
/// products of real parts and negative imaginary parts. x, y: [2N, 2N] products of axis factors.
void combine_row(const float* x, const float* y, std::int64_t packets, std::int64_t m, float* out) {
  const std::int64_t line = 2 * packets;
  const float* x_re = x + m * line;
  const float* x_im = x + (packets + m) * line;
  const float* y_re = y + m * line;
  const float* y_im = y + (packets + m) * line;
  float* upper = out + m * line;
  float* lower = out + (packets + m) * line;
  for (std::int64_t n = 0; n < packets; ++n) {
    const float ax = x_re[n] + x_im[packets + n], axi = x_im[n] - x_re[packets + n];
    const float bx = x_re[n] - x_im[packets + n], bxi = x_im[n] + x_re[packets + n];
    const float ay = y_re[n] + y_im[packets + n], ayi = y_im[n] - y_re[packets + n];
    const float by = y_re[n] - y_im[packets + n], byi = y_im[n] + y_re[packets + n];
    const float a = ax * ay - axi * ayi, ai = ax * ayi + axi * ay;
    const float b = bx * by - bxi * byi, bi = bx * byi + bxi * by;
    upper[n] = 0.5f * (a + b);
    upper[packets + n] = 0.5f * (ai - bi);
    lower[n] = -0.5f * (ai + bi);
    lower[packets + n] = 0.5f * (a - b);
  }
}

}  // namespace

at::Tensor PacketGram::matrix(const at::Tensor& geometry, std::int64_t height, std::int64_t width) {
  const at::NoGradGuard no_gradient;
  const std::int64_t packets = geometry.size(0);
  const auto along = axis_factors(geometry, false, width);
  const auto across = axis_factors(geometry, true, height);
  const auto x = at::mm(along, along.t()), y = at::mm(across, across.t());
  auto gram = at::empty({2 * packets, 2 * packets}, at::kFloat);
  const float* x_data = x.const_data_ptr<float>();
  const float* y_data = y.const_data_ptr<float>();
  float* out = gram.mutable_data_ptr<float>();
  constexpr std::int64_t kGrain = 32;
  at::parallel_for(0, packets, kGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t m = begin; m < end; ++m) combine_row(x_data, y_data, packets, m, out);
  });
  return gram;
}

PacketGram::PacketGram(const at::Tensor& geometry, std::int64_t height, std::int64_t width,
                       double ridge) {
  const at::NoGradGuard no_gradient;
  if (geometry.dim() != 2 || geometry.size(1) != packet::kCoefficients || geometry.size(0) < 1) {
    throw UsageError(text("geometry: expected [N >= 1, 5], got ", geometry.sizes()));
  }
  auto gram = matrix(geometry, height, width);
  auto diagonal = gram.diagonal();
  diagonal += ridge * diagonal.mean();
  const auto [factor, info] = at::linalg_cholesky_ex(gram, /*upper=*/true);
  if (info.item<int>() != 0) {
    throw Error(text("the packets' Gram matrix is singular in float32 with a ridge of ", ridge,
                     ": raise --ridge"));
  }
  factor_ = factor;
}

at::Tensor PacketGram::solve(const at::Tensor& right) const {
  const at::NoGradGuard no_gradient;
  const std::int64_t packets = right.size(0), channels = right.size(1) / 2;
  const auto stacked =
      right.view({packets, channels, 2}).permute({2, 0, 1}).reshape({2 * packets, channels});
  const auto solved = at::cholesky_solve(stacked, factor_, /*upper=*/true);
  return solved.view({2, packets, channels}).permute({1, 2, 0}).reshape({packets, 2 * channels});
}

}  // namespace neurosplat
