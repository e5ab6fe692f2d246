#include "systems/splat_vae/cell_packets.h"

#include <ATen/ATen.h>

#include <cmath>
#include <vector>

#include "neurosplat/renderer/packets/anchors.h"
#include "neurosplat/renderer/packets/packet.h"
#include "neurosplat/training/linear_code.h"
#include "systems/splat_vae/networks.h"

namespace neurosplat {
namespace {

constexpr double kCells = 16;             ///< cells a side that the width below is for
constexpr double kWidth = 0.06;           ///< of the canvas, of packets in 16 x 16 cells
constexpr double kLow = 1.02, kHigh = 5;  ///< cycles a canvas; the activation's least is 1
/// Share of the mean diagonal added to it: neighbours overlap, and exact coefficients of a flower
/// would pass 1, which the activation cannot.
constexpr double kRidge = 0.03;
/// Up to here a coefficient is drawn as it is, beyond it goes on straight in raw numbers.
constexpr double kStraight = 0.9;

double logit(double p) {
  return std::log(p / (1 - p));
}

/// Raw geometry, [N, 5] doubles: cell (i, j) of k x k, x slow as the anchors are.
at::Tensor cell_geometry(std::int64_t packets) {
  std::int64_t side = 1;
  while (2 * side * side < packets) ++side;
  auto geometry = at::empty({packets, packet::kCoefficients}, at::kDouble);
  auto rows = geometry.accessor<double, 2>();
  const double width = std::min(kWidth * kCells / static_cast<double>(side),
                                0.9 * (packet::kWidthMinimum + packet::kWidthRange));
  for (std::int64_t n = 0; n < packets; ++n) {
    const auto cell = n / 2, i = cell / side, j = cell % side;
    const bool high = n % 2 == 1;
    const auto anchor = packet::anchor_logit(n, packets);
    const auto centre = [side](std::int64_t k) {
      return logit((static_cast<double>(k) + 0.5) / static_cast<double>(side));
    };
    const double frequency = high ? kHigh : kLow;
    rows[n][packet::kX] = centre(i) - anchor.x;
    rows[n][packet::kY] = centre(j) - anchor.y;
    rows[n][packet::kWidth] = logit((width - packet::kWidthMinimum) / packet::kWidthRange);
    rows[n][packet::kOrientation] =
        packet::kTwoPi / 4 * static_cast<double>((i + j + (high ? 1 : 0)) % 2);
    rows[n][packet::kFrequency] =
        logit((frequency - packet::kFrequencyMinimum) / packet::kFrequencyRange);
  }
  return geometry;
}

/// What coefficients a and b of each packet add to the low-passed field: [2N, 1024].
at::Tensor basis_of(const at::Tensor& geometry, std::int64_t size) {
  const auto count = geometry.size(0);
  auto active = at::empty_like(geometry);
  for (std::int64_t n = 0; n < count; ++n) {
    const auto anchor = packet::anchor_logit(n, count);
    packet::activate_geometry(geometry.const_data_ptr<double>() + n * packet::kCoefficients,
                              anchor.x, anchor.y,
                              active.mutable_data_ptr<double>() + n * packet::kCoefficients);
  }
  const auto of = [&](int number) { return active.select(1, number).unsqueeze(1); };
  const auto places = at::linspace(0, 1, size, at::kDouble);
  const auto low_pass = LinearCodeImpl::low_pass_to(size);
  const auto wave = packet::kTwoPi * of(packet::kFrequency);
  struct Factor {
    at::Tensor real, imaginary;  // [N, 32]
  };
  const auto factor = [&](int centre, const at::Tensor& share) {
    const auto d = places - of(centre);
    const auto envelope = at::exp(-d.square() / (2 * of(packet::kWidth).square()));
    const auto phase = wave * share * d;
    return Factor{at::matmul(envelope * phase.cos(), low_pass.t()),
                  at::matmul(envelope * phase.sin(), low_pass.t())};
  };
  const auto x = factor(packet::kX, of(packet::kOrientation).cos());
  const auto y = factor(packet::kY, of(packet::kOrientation).sin());
  const auto product = [](const at::Tensor& rows, const at::Tensor& columns) {
    return rows.unsqueeze(2) * columns.unsqueeze(1);
  };
  const auto a = product(y.real, x.real) - product(y.imaginary, x.imaginary);
  const auto b = -product(y.real, x.imaginary) - product(y.imaginary, x.real);
  return at::stack({a, b}, 1).view({2 * count, -1});
}

}  // namespace

CellPacketsImpl::CellPacketsImpl(std::int64_t packets, std::int64_t image_size) {
  const auto geometry = cell_geometry(packets);
  geometry_ = register_buffer("geometry", geometry.to(at::kFloat));
  const auto basis = basis_of(geometry, image_size);
  // (B B' + l I)^-1 B = B (B' B + l I)^-1: the second is 1024 x 1024, however many packets.
  auto normal = at::matmul(basis.t(), basis);
  const double mean_square = basis.square().sum().item<double>() / static_cast<double>(2 * packets);
  normal.diagonal().add_(kRidge * mean_square);
  solve_ = at::linalg_solve(normal, basis.t()).t().to(at::kFloat).contiguous();
}

at::Tensor CellPacketsImpl::forward(const at::Tensor& field) const {
  const auto batch = field.size(0), count = geometry_.size(0);
  const auto coefficients =
      at::matmul(field.view({batch * kColours, -1}), solve_.to(field.device()).t());
  const auto inner = coefficients.clamp(-kStraight, kStraight);
  const auto raw = inner.atanh() + (coefficients - inner) / (1 - kStraight * kStraight);
  // [B, 3, N, 2] to [B, N, 3, 2]
  const auto ordered = raw.view({batch, kColours, count, 2}).transpose(1, 2).flatten(2);
  return at::cat({geometry_.unsqueeze(0).expand({batch, count, packet::kCoefficients}), ordered},
                 2);
}

}  // namespace neurosplat
