#include "renderer/packets/matrix/axis_map.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cmath>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <numbers>
#include <random>
#include <utility>

#include "renderer/packets/matrix/matrix_kernels.h"

namespace neurosplat::packet::matrix {
namespace {

constexpr double kPi = std::numbers::pi;

/// Points lie on multiples of 1 / kSide, so that float32 holds them exactly.
constexpr double kSide = 4096;

double band_of(std::int64_t points) {
  for (const PointGrid& grid : kPointGrids) {
    if (grid.points == points) return grid.band;
  }
  return 0;
}

std::vector<double> point_positions(std::int64_t points) {
  // The best bend is sech(|ln e| / points) for an error e; 21 comes from trying.
  const double bend = 1 / std::cosh(21.0 / static_cast<double>(points));
  std::vector<double> positions;
  for (std::int64_t i = 0; i < points; ++i) {
    const double angle = kPi * (static_cast<double>(i) + 0.5) / static_cast<double>(points);
    const double position = 0.5 - 0.5 * std::asin(bend * std::cos(angle)) / std::asin(bend);
    positions.push_back(std::round(position * kSide));
  }
  return positions;
}

/// Packets that a grid should carry, as many as decide its matrix: widths and frequencies up to
/// the band, mostly at it, centres in the frame and a little beyond.
struct Dictionary {
  std::vector<double> centre, width, frequency, phase;
};

Dictionary dictionary(std::int64_t points) {
  const double band = band_of(points), narrowest = kSpread / (2 * kPi * band);
  std::mt19937_64 random(static_cast<std::uint64_t>(points));
  const auto uniform = [&random](double first, double last) {
    return first + (last - first) * static_cast<double>(random() >> 11) * 0x1p-53;
  };
  Dictionary packets;
  const std::int64_t count = 8 * points;
  for (std::int64_t i = 0; i < count; ++i) {
    const bool sharpest = i % 4 == 0;
    const double width =
        sharpest ? narrowest : std::exp(uniform(std::log(narrowest), std::log(kBroadest)));
    const double highest = std::max(0.0, band - kSpread / (2 * kPi * width));
    packets.centre.push_back(uniform(-0.1, 1.1));
    packets.width.push_back(width);
    packets.frequency.push_back(i % 5 == 1 ? uniform(0, highest) : highest);
    packets.phase.push_back(uniform(0, 2 * kPi));
  }
  return packets;
}

/// The packets' real parts at these places of [0, 1], [packets, places].
at::Tensor values_at(const Dictionary& packets, const at::Tensor& places) {
  const auto column = [](std::vector<double> values) {
    const auto count = static_cast<std::int64_t>(values.size());
    return at::from_blob(values.data(), {count, 1}, at::kDouble).clone();
  };
  const auto d = places.unsqueeze(0) - column(packets.centre);
  const auto width = column(packets.width);
  const auto phase = 2 * kPi * column(packets.frequency) * d + column(packets.phase);
  return at::exp(-d * d / (2 * width * width)) * at::cos(phase);
}

AlignedFloats flat(const at::Tensor& matrix, std::int64_t rows, std::int64_t columns) {
  auto padded_matrix = at::zeros({rows, columns}, at::kFloat);
  padded_matrix.slice(0, 0, matrix.size(0)).slice(1, 0, matrix.size(1)).copy_(matrix);
  const float* data = padded_matrix.const_data_ptr<float>();
  return {data, data + padded_matrix.numel()};
}

AxisMap pixels(std::int64_t length) {
  AxisMap map{length, length, static_cast<double>(length - 1), {}, true, {}, {}};
  for (std::int64_t i = 0; i < padded(length); ++i) {
    map.positions.push_back(static_cast<float>(std::min(i, length - 1)));
  }
  return map;
}

AxisMap make_map(std::int64_t points, std::int64_t length) {
  const at::NoGradGuard no_gradient;
  AxisMap map{points, length, kSide, {}, false, {}, {}};
  auto positions = point_positions(points);
  const auto packets = dictionary(points);
  const auto places = at::from_blob(positions.data(), {points}, at::kDouble) / kSide;
  const auto at_points = values_at(packets, places);
  const auto at_pixels = values_at(packets, at::linspace(0, 1, length, at::kDouble));
  // The smallest matrix that does it: directions that no packet takes are left out.
  const auto gather = std::get<0>(at::linalg_lstsq(at_points, at_pixels, /*rcond=*/1e-12, "gelsd"));
  map.gather = flat(gather, padded(points), padded(length));
  map.spread = flat(gather.t(), length, padded(points));
  positions.resize(static_cast<std::size_t>(padded(points)), positions.back());
  map.positions.assign(positions.begin(), positions.end());
  return map;
}

}  // namespace

const AxisMap& axis_map(std::int64_t points, std::int64_t length) {
  static std::mutex mutex;
  static std::map<std::pair<std::int64_t, std::int64_t>, std::unique_ptr<const AxisMap>> maps;
  if (points >= length) points = length;
  const std::lock_guard lock(mutex);
  auto& map = maps[{points, length}];
  if (!map) {
    // In a thread of its own: a caller may be one of a parallel region, in which MKL's
    // factorisation waits for ever for the region's other threads.
    const auto make = [&] { return points == length ? pixels(length) : make_map(points, length); };
    map = std::make_unique<const AxisMap>(std::async(std::launch::async, make).get());
  }
  return *map;
}

}  // namespace neurosplat::packet::matrix
