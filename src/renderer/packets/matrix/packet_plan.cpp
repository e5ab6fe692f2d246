#include "renderer/packets/matrix/packet_plan.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>

#include "neurosplat/renderer/packets/packet.h"

namespace neurosplat::packet::matrix {
namespace {

constexpr std::size_t kGrids = kPointGrids.size() + 1;  // the last one: all pixels

const float* number(const PacketTable& active, packet::Number which) {
  return active.data + which * active.row;
}

/// Whether the grid is not just the picture itself.
bool smaller_than_pixels(const Shape& shape, std::size_t grid) {
  return grid < kPointGrids.size() &&
         kPointGrids[grid].points < std::max(shape.width, shape.height);
}

/// The smallest grid that carries each packet.
void assign_grids(const Shape& shape, const PacketTable& active, const double* cosine,
                  const double* sine, std::vector<std::uint8_t>& grid) {
  const float* width = number(active, packet::kWidth);
  const float* frequency = number(active, packet::kFrequency);
  grid.resize(static_cast<std::size_t>(active.packets));
  for (std::int64_t n = 0; n < active.packets; ++n) {
    const double along = std::max(std::abs(cosine[n]), std::abs(sine[n]));
    const double band =
        std::abs(frequency[n]) * along + kSpread / (2 * std::numbers::pi) / std::abs(width[n]);
    std::size_t i = 0;
    while (i < kPointGrids.size() && kPointGrids[i].band < band) ++i;
    if (!smaller_than_pixels(shape, i) || std::abs(width[n]) > kBroadest) i = kGrids - 1;
    grid[static_cast<std::size_t>(n)] = static_cast<std::uint8_t>(i);
  }
}

struct Points {
  double columns, rows;
};

Points points_of(const Shape& shape, std::size_t grid) {
  const auto points =
      grid < kPointGrids.size() ? kPointGrids[grid].points : std::max(shape.width, shape.height);
  return {static_cast<double>(std::min(points, shape.width)),
          static_cast<double>(std::min(points, shape.height))};
}

/// Multiplications of one packet, forward and backward: three products, and exponentials and sums
/// that cost about as much as 40 multiplications a point.
double packet_cost(const Shape& shape, std::size_t grid) {
  const Points points = points_of(shape, grid);
  const auto channels = static_cast<double>(shape.channels);
  return 6 * channels * points.columns * points.rows + 80 * (points.columns + points.rows);
}

/// Multiplications between the grid and the pixels, forward and backward.
double map_cost(const Shape& shape, std::size_t grid) {
  const Points points = points_of(shape, grid);
  const auto width = static_cast<double>(shape.width), height = static_cast<double>(shape.height);
  double cost = 0;
  if (points.columns < width) cost += points.rows * points.columns * width;
  if (points.rows < height) cost += height * points.rows * width;
  return 2 * static_cast<double>(shape.channels) * cost;
}

/// For each grid the one, itself or a finer one, that draws its packets, such that the sum of all
/// costs is least (dynamic programming over the finest grid in use).
std::array<std::size_t, kGrids> choose_grids(const Shape& shape,
                                             const std::vector<std::uint8_t>& grid) {
  std::array<double, kGrids> count{};
  for (const auto i : grid) ++count[i];
  std::array<double, kGrids + 1> best{};  // best[i]: grids below i are served
  std::array<std::size_t, kGrids + 1> from{};
  for (std::size_t last = 0; last < kGrids; ++last) {
    const bool usable = smaller_than_pixels(shape, last) || last == kGrids - 1;
    best[last + 1] = std::numeric_limits<double>::infinity();
    double packets = 0;
    for (std::size_t first = last + 1; first-- > 0;) {
      packets += count[first];
      if (packets > 0 && !usable) break;
      const double own =
          packets > 0 ? packets * packet_cost(shape, last) + map_cost(shape, last) : 0.0;
      if (best[first] + own < best[last + 1]) {
        best[last + 1] = best[first] + own;
        from[last + 1] = first;
      }
    }
  }
  std::array<std::size_t, kGrids> drawn_on{};
  for (std::size_t end = kGrids; end > 0; end = from[end]) {
    std::fill(drawn_on.begin() + static_cast<std::ptrdiff_t>(from[end]),
              drawn_on.begin() + static_cast<std::ptrdiff_t>(end), end - 1);
  }
  return drawn_on;
}

/// Stable, by the place of a packet's centre in 256 equal parts of the canvas.
void sort_by_centre(const float* centre, std::int32_t* first, std::int32_t* last,
                    std::vector<std::int32_t>& spare) {
  std::array<std::int32_t, 257> start{};
  const auto part = [centre](std::int32_t n) {
    return static_cast<std::size_t>(std::clamp(centre[n] * 256.0f, 0.0f, 255.0f));
  };
  for (const auto* n = first; n != last; ++n) ++start[part(*n) + 1];
  for (std::size_t i = 1; i < start.size(); ++i) start[i] += start[i - 1];
  spare.resize(static_cast<std::size_t>(last - first));
  for (const auto* n = first; n != last; ++n) {
    spare[static_cast<std::size_t>(start[part(*n)]++)] = *n;
  }
  std::copy(spare.begin(), spare.end(), first);
}

struct Interval {
  std::int32_t first, count;
};

/// The grid points between two places of the canvas, their number rounded up to `multiple` where
/// the padded axis allows it.
Interval points_between(const AxisMap& map, double low, double high, std::int64_t multiple) {
  const auto begin = map.positions.begin(), end = begin + static_cast<std::ptrdiff_t>(map.points);
  const auto first = std::lower_bound(begin, end, low * map.side) - begin;
  const auto last = std::upper_bound(begin, end, high * map.side) - begin;
  if (last <= first) return {0, 0};
  const auto available = multiple == kPadding ? padded(map.points) : map.points;
  const auto count = std::min((last - first + multiple - 1) / multiple * multiple, available);
  return {static_cast<std::int32_t>(std::min<std::int64_t>(first, available - count)),
          static_cast<std::int32_t>(count)};
}

struct Reach {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();

  void add(double centre, double radius) {
    low = std::min(low, centre - radius);
    high = std::max(high, centre + radius);
  }
};

class Planner {
 public:
  Planner(const PacketTable& active, double cutoff, PacketPlan& plan)
      : plan_(plan),
        x_(number(active, packet::kX)),
        y_(number(active, packet::kY)),
        width_(number(active, packet::kWidth)),
        radius_(std::sqrt(-2 * std::log(cutoff))) {}

  /// Cuts order[first .. last) into strips of x, these by y into blocks.
  void cut(std::int32_t grid, std::int32_t first, std::int32_t last) {
    auto* order = plan_.order.data();
    sort_by_centre(x_, order + first, order + last, spare_);
    const auto blocks = (last - first + kBlock - 1) / kBlock;
    const auto strips = std::max(1L, std::lround(std::sqrt(static_cast<double>(blocks))));
    const auto strip = static_cast<std::int32_t>((blocks + strips - 1) / strips * kBlock);
    for (std::int32_t begin = first; begin < last; begin += strip) {
      const std::int32_t end = std::min(begin + strip, last);
      sort_by_centre(y_, order + begin, order + end, spare_);
      for (std::int32_t n = begin; n < end; n += kBlock) {
        add_block(grid, n, std::min(static_cast<std::int32_t>(kBlock), end - n));
      }
    }
  }

 private:
  void add_block(std::int32_t grid, std::int32_t first, std::int32_t count) {
    Reach x, y;
    for (std::int32_t i = first; i < first + count; ++i) {
      const auto n = plan_.order[static_cast<std::size_t>(i)];
      const double radius = radius_ * std::abs(width_[n]);
      x.add(x_[n], radius);
      y.add(y_[n], radius);
    }
    const GridUse& use = plan_.grids[static_cast<std::size_t>(grid)];
    const Interval columns = points_between(*use.columns, x.low, x.high, kPadding);
    const Interval rows = points_between(*use.rows, y.low, y.high, 4);
    plan_.blocks.push_back({grid, first, count, columns.first, columns.count, rows.first,
                            columns.count == 0 ? 0 : rows.count});
  }

  PacketPlan& plan_;
  const float* x_;
  const float* y_;
  const float* width_;
  double radius_;
  std::vector<std::int32_t> spare_;
};

GridUse use_of(const Shape& shape, std::size_t grid, std::int64_t offset) {
  const auto points = grid < kPointGrids.size() ? kPointGrids[grid].points
                                                : std::numeric_limits<std::int64_t>::max();
  const AxisMap& columns = axis_map(points, shape.width);
  const AxisMap& rows = axis_map(points, shape.height);
  const std::int64_t row = padded(columns.points);
  return {&columns, &rows, row, row * rows.points, offset};
}

}  // namespace

void make_plan(const Shape& shape, const PacketTable& active, const double* cosine,
               const double* sine, double cutoff, PacketPlan& plan) {
  thread_local std::vector<std::uint8_t> grid;
  assign_grids(shape, active, cosine, sine, grid);
  const auto drawn_on = choose_grids(shape, grid);
  plan.order.clear();
  plan.grids.clear();
  plan.blocks.clear();
  plan.field_numbers = 0;
  Planner planner(active, cutoff, plan);
  for (std::size_t i = 0; i < kGrids; ++i) {
    const auto first = static_cast<std::int32_t>(plan.order.size());
    for (std::size_t n = 0; n < grid.size(); ++n) {
      if (drawn_on[grid[n]] == i) plan.order.push_back(static_cast<std::int32_t>(n));
    }
    const auto last = static_cast<std::int32_t>(plan.order.size());
    if (first == last) continue;
    plan.grids.push_back(use_of(shape, i, plan.field_numbers));
    plan.field_numbers += plan.grids.back().field_channel * shape.channels;
    planner.cut(static_cast<std::int32_t>(plan.grids.size()) - 1, first, last);
  }
}

}  // namespace neurosplat::packet::matrix
