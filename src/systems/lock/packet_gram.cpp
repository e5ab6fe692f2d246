#include "neurosplat/systems/lock/packet_gram.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <vector>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/renderer/packets/packet.h"
#include "systems/lock/skyline_matrix.h"

namespace neurosplat {
namespace {

/// Rows Re X_n, then Im X_n at all pixels of an axis, [2N, length].
at::Tensor axis_factors(const at::Tensor& geometry, bool vertical, std::int64_t length) {
  const auto number = [&](int i) { return geometry.select(1, i).unsqueeze(1); };
  const auto d =
      at::linspace(0, 1, length, at::kFloat) - number(vertical ? packet::kY : packet::kX);
  const auto angle = number(packet::kOrientation);
  const auto phase =
      d * (packet::kTwoPi * number(packet::kFrequency) * (vertical ? angle.sin() : angle.cos()));
  const auto envelope = (d * (M_SQRT1_2 / number(packet::kWidth))).square_().neg_().exp_();
  return at::cat({phase.cos().mul_(envelope), phase.sin().mul_(envelope)}, 0);
}

constexpr std::int64_t kTile = 32;  // packets

/// The order in which neighbours are near each other: by rows of the frame, and at the end the few
/// that reach far.
std::vector<std::int64_t> skyline_order(const at::Tensor& geometry) {
  constexpr float kFar = 2.5f;  // median widths
  const std::int64_t packets = geometry.size(0);
  const auto row = geometry.accessor<float, 2>();
  const auto n = static_cast<std::size_t>(packets);
  std::vector<float> widths(n), places(n);
  for (std::size_t i = 0; i < n; ++i) {
    widths[i] = std::abs(row[static_cast<std::int64_t>(i)][packet::kWidth]);
  }
  auto middle = widths;
  std::nth_element(middle.begin(), middle.begin() + packets / 2, middle.end());
  const float far = kFar * middle[n / 2];
  for (std::size_t i = 0; i < n; ++i) {
    places[i] = row[static_cast<std::int64_t>(i)][packet::kY] + (widths[i] > far ? 1e6f : 0.0f);
  }
  std::vector<std::int64_t> order(n);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
    return places[static_cast<std::size_t>(a)] < places[static_cast<std::size_t>(b)];
  });
  return order;
}

/// Of each tile column the first tile with a packet whose product with one of the column's exceeds
/// kNegligible of what it would be at no distance.
std::vector<std::int64_t> skyline_of(const at::Tensor& geometry) {
  constexpr float kReach = 23.0f;  // -2 ln 1e-5
  const std::int64_t packets = geometry.size(0), tiles = (packets + kTile - 1) / kTile;
  const auto row = geometry.accessor<float, 2>();
  const auto meets = [&](std::int64_t m, std::int64_t n) {
    const float dx = row[m][packet::kX] - row[n][packet::kX];
    const float dy = row[m][packet::kY] - row[n][packet::kY];
    const float sm = row[m][packet::kWidth], sn = row[n][packet::kWidth];
    return dx * dx + dy * dy <= kReach * (sm * sm + sn * sn);
  };
  std::vector<std::int64_t> first(static_cast<std::size_t>(tiles));
  for (std::int64_t j = 0; j < tiles; ++j) {
    std::int64_t least = j * kTile;  // packet
    for (std::int64_t n = j * kTile; n < std::min(packets, (j + 1) * kTile); ++n) {
      for (std::int64_t m = 0; m < least; ++m) {
        if (meets(m, n)) least = m;
      }
    }
    first[static_cast<std::size_t>(j)] = least / kTile;
  }
  return first;
}

/// Factors along an axis, tile by tile: of each tile's packets the real parts, then the imaginary.
at::Tensor tiled(const at::Tensor& factors) {
  const std::int64_t packets = factors.size(0) / 2, whole = packets / kTile * kTile;
  const auto parts = factors.view({2, packets, -1});
  const auto tiles = parts.slice(1, 0, whole).unflatten(1, {-1, kTile}).transpose(0, 1);
  return at::cat({tiles.flatten(0, 2), parts.slice(1, whole).flatten(0, 1)});
}

/// Products of axis factors of the packets of a tile row and of some columns, [2 rows, 2 columns].
struct AxisProducts {
  const float *x, *y;
  std::int64_t line;  // floats from row to row

  /// Sums of E_m conj(E_n) and E_m E_n are products of those along the axes; from them the inner
  /// products of real parts and negative imaginary parts.
  void combine(std::int64_t rows, std::int64_t columns, float* out, std::int64_t out_line) const {
    for (std::int64_t m = 0; m < rows; ++m) {
      const float *x_re = x + m * line, *x_im = x + (rows + m) * line;
      const float *y_re = y + m * line, *y_im = y + (rows + m) * line;
      float *upper = out + m * out_line, *lower = out + (rows + m) * out_line;
      for (std::int64_t n = 0; n < columns; ++n) {
        const float ax = x_re[n] + x_im[columns + n], axi = x_im[n] - x_re[columns + n];
        const float bx = x_re[n] - x_im[columns + n], bxi = x_im[n] + x_re[columns + n];
        const float ay = y_re[n] + y_im[columns + n], ayi = y_im[n] - y_re[columns + n];
        const float by = y_re[n] - y_im[columns + n], byi = y_im[n] + y_re[columns + n];
        const float a = ax * ay - axi * ayi, ai = ax * ayi + axi * ay;
        const float b = bx * by - bxi * byi, bi = bx * byi + bxi * by;
        upper[n] = 0.5f * (a + b);
        upper[columns + n] = 0.5f * (ai - bi);
        lower[n] = -0.5f * (ai + bi);
        lower[columns + n] = 0.5f * (a - b);
      }
    }
  }
};

/// The packets' Gram matrix in tiles; geometry is in the skyline's order.
SkylineMatrix gram_of(const at::Tensor& geometry, std::int64_t height, std::int64_t width) {
  const std::int64_t packets = geometry.size(0);
  SkylineMatrix gram(2 * packets, 2 * kTile, skyline_of(geometry));
  std::array<at::Tensor, 2> factors;
  at::parallel_for(0, 2, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t axis = begin; axis < end; ++axis) {
      factors[static_cast<std::size_t>(axis)] =
          tiled(axis_factors(geometry, axis == 1, axis == 1 ? height : width));
    }
  });
  float* values = gram.values().mutable_data_ptr<float>();
  const auto fill_row = [&](std::int64_t k) {
    const std::int64_t rows = gram.end(k) - gram.begin(k);
    for (const auto& [from, to] : gram.runs(k)) {
      const auto products = [&](const at::Tensor& all) {
        return all.slice(0, gram.begin(k), gram.end(k))
            .mm(all.slice(0, gram.begin(from), gram.end(to - 1)).t());
      };
      const auto x = products(factors[0]), y = products(factors[1]);
      for (std::int64_t j = from; j < to; ++j) {
        const std::int64_t column = gram.begin(j) - gram.begin(from);
        const AxisProducts tile{x.const_data_ptr<float>() + column,
                                y.const_data_ptr<float>() + column, x.size(1)};
        tile.combine(rows / 2, (gram.end(j) - gram.begin(j)) / 2,
                     values + gram.begin(k) * 2 * packets + gram.begin(j), 2 * packets);
      }
    }
  };
  // Rows from both ends in turn: those at the top have more tiles.
  at::parallel_for(0, gram.tiles(), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      fill_row(i % 2 == 0 ? i / 2 : gram.tiles() - 1 - i / 2);
    }
  });
  return gram;
}

/// Where the numbers of the packets in the skyline's order, [N, 2], stand in the matrix.
at::Tensor rows_of(std::int64_t packets) {
  const auto number = at::arange(packets);
  const auto tile = number.div(kTile, "floor");
  const auto size = (packets - tile * kTile).clamp_max(kTile);
  const auto real = tile * kTile + number;
  return at::stack({real, real + size}, 1);
}

}  // namespace

at::Tensor PacketGram::matrix(const at::Tensor& geometry, std::int64_t height, std::int64_t width) {
  const at::NoGradGuard no_gradient;
  const auto order = at::tensor(skyline_order(geometry), at::kLong);
  const auto upper = gram_of(geometry.index_select(0, order), height, width).values().triu();
  const auto whole = upper + upper.triu(1).t();
  const auto rows = rows_of(geometry.size(0)).index_select(0, order.argsort()).t().flatten();
  return whole.index_select(0, rows).index_select(1, rows);
}

PacketGram::PacketGram(const at::Tensor& geometry, std::int64_t height, std::int64_t width,
                       double ridge) {
  const at::NoGradGuard no_gradient;
  if (geometry.dim() != 2 || geometry.size(1) != packet::kCoefficients || geometry.size(0) < 1) {
    throw UsageError(text("geometry: expected [N >= 1, 5], got ", geometry.sizes()));
  }
  const auto order = at::tensor(skyline_order(geometry), at::kLong);
  auto gram = gram_of(geometry.index_select(0, order), height, width);
  auto diagonal = gram.values().diagonal();
  diagonal += ridge * diagonal.mean();
  if (!gram.factor()) {
    throw Error(text("the packets' Gram matrix is singular in float32 with a ridge of ", ridge,
                     ": raise --ridge"));
  }
  factor_ = gram.values();
  rows_ = rows_of(geometry.size(0)).index_select(0, order.argsort()).flatten();
  places_ = rows_.argsort();
}

at::Tensor PacketGram::solve(const at::Tensor& right) const {
  const at::NoGradGuard no_gradient;
  const std::int64_t packets = right.size(0), channels = right.size(1) / 2;
  const auto numbers = right.view({packets, channels, 2}).transpose(1, 2).reshape({-1, channels});
  const auto solved = at::cholesky_solve(numbers.index_select(0, places_), factor_, /*upper=*/true);
  return solved.index_select(0, rows_)
      .view({packets, 2, channels})
      .transpose(1, 2)
      .reshape({packets, 2 * channels});
}

}  // namespace neurosplat
