#include "neurosplat/systems/lock/packet_placement.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <vector>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"

namespace neurosplat {
namespace {

/// What the picture looks like around each pixel.
struct Detail {
  std::int64_t height, width;
  std::vector<double> density;    // how many packets belong here, any scale
  std::vector<float> xx, xy, yy;  // products of the gradient, summed over channels
};

constexpr int kBlur = 2;  // pixels, of the box that smooths the energy

std::vector<float> box_blur(const std::vector<float>& in, std::int64_t height, std::int64_t width) {
  std::vector<float> rows(in.size()), out(in.size());
  for (std::int64_t v = 0; v < height; ++v) {
    for (std::int64_t u = 0; u < width; ++u) {
      float sum = 0;
      for (std::int64_t k = -kBlur; k <= kBlur; ++k) {
        sum +=
            in[static_cast<std::size_t>(v * width + std::clamp<std::int64_t>(u + k, 0, width - 1))];
      }
      rows[static_cast<std::size_t>(v * width + u)] = sum;
    }
  }
  for (std::int64_t v = 0; v < height; ++v) {
    for (std::int64_t u = 0; u < width; ++u) {
      float sum = 0;
      for (std::int64_t k = -kBlur; k <= kBlur; ++k) {
        sum += rows[static_cast<std::size_t>(
            std::clamp<std::int64_t>(v + k, 0, height - 1) * width + u)];
      }
      constexpr int kSide = 2 * kBlur + 1;
      out[static_cast<std::size_t>(v * width + u)] = sum / (kSide * kSide);
    }
  }
  return out;
}

Detail detail_of(const at::Tensor& picture, double power) {
  const auto image = picture.detach().to(at::kCPU, at::kFloat).contiguous();
  const std::int64_t channels = image.size(0), height = image.size(1), width = image.size(2);
  const float* data = image.const_data_ptr<float>();
  const auto pixels = static_cast<std::size_t>(height * width);
  Detail detail{height,
                width,
                {},
                std::vector<float>(pixels),
                std::vector<float>(pixels),
                std::vector<float>(pixels)};
  for (std::int64_t c = 0; c < channels; ++c) {
    const float* channel = data + c * height * width;
    for (std::int64_t v = 0; v < height; ++v) {
      const float* row = channel + v * width;
      const float* above = channel + std::max<std::int64_t>(v - 1, 0) * width;
      const float* below = channel + std::min(v + 1, height - 1) * width;
      for (std::int64_t u = 0; u < width; ++u) {
        const float dx = row[std::min(u + 1, width - 1)] - row[std::max<std::int64_t>(u - 1, 0)];
        const float dy = below[u] - above[u];
        const auto i = static_cast<std::size_t>(v * width + u);
        detail.xx[i] += dx * dx;
        detail.xy[i] += dx * dy;
        detail.yy[i] += dy * dy;
      }
    }
  }
  detail.xx = box_blur(detail.xx, height, width);
  detail.xy = box_blur(detail.xy, height, width);
  detail.yy = box_blur(detail.yy, height, width);
  double mean = 0;
  for (std::size_t i = 0; i < pixels; ++i) mean += static_cast<double>(detail.xx[i] + detail.yy[i]);
  mean = mean / static_cast<double>(pixels) + 1e-12;
  for (std::size_t i = 0; i < pixels; ++i) {
    const double energy = static_cast<double>(detail.xx[i] + detail.yy[i]) / mean;
    detail.density.push_back(std::pow(energy + 1e-3, power));
  }
  return detail;
}

struct Cell {
  std::int64_t left, top, right, bottom;  // pixels, the last ones excluded
  std::int64_t packets;
};

/// Cuts a cell across its longer side so that both parts have their share of the density.
void cut(const Detail& detail, const Cell& cell, std::vector<std::pair<double, double>>& centres) {
  const std::int64_t across = cell.right - cell.left, down = cell.bottom - cell.top;
  if (cell.packets == 1 || across * down <= 1) {
    for (std::int64_t i = 0; i < cell.packets; ++i) {
      centres.emplace_back(0.5 * static_cast<double>(cell.left + cell.right - 1),
                           0.5 * static_cast<double>(cell.top + cell.bottom - 1));
    }
    return;
  }
  const bool vertical = down > across;
  const std::int64_t length = vertical ? down : across;
  std::vector<double> line(static_cast<std::size_t>(length));
  double sum = 0;
  for (std::int64_t v = cell.top; v < cell.bottom; ++v) {
    for (std::int64_t u = cell.left; u < cell.right; ++u) {
      const double value = detail.density[static_cast<std::size_t>(v * detail.width + u)];
      line[static_cast<std::size_t>(vertical ? v - cell.top : u - cell.left)] += value;
      sum += value;
    }
  }
  const std::int64_t first = cell.packets / 2;
  double left = sum * static_cast<double>(first) / static_cast<double>(cell.packets);
  std::int64_t at = 0;
  while (at < length - 1 && left > 0.5 * line[static_cast<std::size_t>(at)]) {
    left -= line[static_cast<std::size_t>(at++)];
  }
  at = std::max<std::int64_t>(at, 1);
  Cell a = cell, b = cell;
  (vertical ? a.bottom : a.right) = (vertical ? cell.top : cell.left) + at;
  (vertical ? b.top : b.left) = (vertical ? cell.top : cell.left) + at;
  a.packets = first;
  b.packets = cell.packets - first;
  cut(detail, a, centres);
  cut(detail, b, centres);
}

/// Sums over the pixels that are nearest to a packet.
struct Sums {
  double count = 0, density = 0, x = 0, y = 0, xx = 0, xy = 0, yy = 0;
};

/// Nearest centres by a grid of buckets.
class Nearest {
 public:
  Nearest(const std::vector<std::pair<double, double>>& centres, std::int64_t height,
          std::int64_t width)
      : centres_(centres),
        side_(std::max(2.0, std::sqrt(static_cast<double>(height * width) /
                                      static_cast<double>(centres.size())))),
        across_(static_cast<std::int64_t>(static_cast<double>(width) / side_) + 1),
        down_(static_cast<std::int64_t>(static_cast<double>(height) / side_) + 1),
        buckets_(static_cast<std::size_t>(across_ * down_)) {
    for (std::size_t n = 0; n < centres.size(); ++n) {
      buckets_[bucket(column(centres[n].first), row(centres[n].second))].push_back(n);
    }
  }

  std::size_t to(double x, double y) const {
    std::size_t best = 0;
    double least = 1e300;
    const std::int64_t u = column(x), v = row(y);
    for (std::int64_t ring = 0; ring <= std::max(across_, down_); ++ring) {
      // Buckets further out are at least this far away.
      const double reach = static_cast<double>(ring - 1) * side_;
      if (ring > 0 && reach > 0 && reach * reach > least) break;
      look(u, v, ring, x, y, best, least);
    }
    return best;
  }

 private:
  std::int64_t column(double x) const {
    return std::clamp<std::int64_t>(static_cast<std::int64_t>(x / side_), 0, across_ - 1);
  }
  std::int64_t row(double y) const {
    return std::clamp<std::int64_t>(static_cast<std::int64_t>(y / side_), 0, down_ - 1);
  }
  std::size_t bucket(std::int64_t u, std::int64_t v) const {
    return static_cast<std::size_t>(v * across_ + u);
  }
  void look(std::int64_t u, std::int64_t v, std::int64_t ring, double x, double y,
            std::size_t& best, double& least) const {
    for (std::int64_t j = std::max<std::int64_t>(v - ring, 0); j <= std::min(v + ring, down_ - 1);
         ++j) {
      const bool edge = std::abs(j - v) == ring;
      for (std::int64_t i = u - ring; i <= u + ring; i += edge || ring == 0 ? 1 : 2 * ring) {
        if (i < 0 || i >= across_) continue;
        for (const std::size_t n : buckets_[bucket(i, j)]) {
          const double dx = centres_[n].first - x, dy = centres_[n].second - y;
          const double distance = dx * dx + dy * dy;
          if (distance < least) {
            least = distance;
            best = n;
          }
        }
      }
    }
  }

  const std::vector<std::pair<double, double>>& centres_;
  double side_;
  std::int64_t across_, down_;
  std::vector<std::vector<std::size_t>> buckets_;
};

std::vector<Sums> cell_sums(const Detail& detail,
                            const std::vector<std::pair<double, double>>& centres) {
  const Nearest nearest(centres, detail.height, detail.width);
  std::vector<Sums> cells(centres.size());
  for (std::int64_t v = 0; v < detail.height; ++v) {
    for (std::int64_t u = 0; u < detail.width; ++u) {
      const auto x = static_cast<double>(u), y = static_cast<double>(v);
      const auto i = static_cast<std::size_t>(v * detail.width + u);
      Sums& cell = cells[nearest.to(x, y)];
      cell.count += 1;
      cell.density += detail.density[i];
      cell.x += detail.density[i] * x;
      cell.y += detail.density[i] * y;
      cell.xx += static_cast<double>(detail.xx[i]);
      cell.xy += static_cast<double>(detail.xy[i]);
      cell.yy += static_cast<double>(detail.yy[i]);
    }
  }
  return cells;
}

}  // namespace

at::Tensor place_packets(const at::Tensor& picture, const PlacementSettings& settings) {
  if (picture.dim() != 3 || picture.size(1) < 2 || picture.size(2) < 2) {
    throw UsageError(text("picture: expected [C, H >= 2, W >= 2], got ", picture.sizes()));
  }
  if (settings.packets < 1) {
    throw UsageError(text("packets: expected a number >= 1, got ", settings.packets));
  }
  const Detail detail = detail_of(picture, settings.density);
  std::vector<std::pair<double, double>> centres;
  cut(detail, {0, 0, detail.width, detail.height, settings.packets}, centres);
  std::vector<Sums> cells = cell_sums(detail, centres);
  for (int round = 0; round < settings.rounds; ++round) {
    for (std::size_t n = 0; n < centres.size(); ++n) {
      if (cells[n].density > 0) {
        centres[n] = {cells[n].x / cells[n].density, cells[n].y / cells[n].density};
      }
    }
    cells = cell_sums(detail, centres);
  }
  auto geometry = at::empty({settings.packets, 5}, at::kFloat);
  auto out = geometry.accessor<float, 2>();
  const auto across = static_cast<double>(detail.width - 1);
  const auto down = static_cast<double>(detail.height - 1);
  const double canvas = std::sqrt(across * down);
  for (std::size_t i = 0; i < centres.size(); ++i) {
    const auto n = static_cast<std::int64_t>(i);
    const double side = std::sqrt(std::max(cells[i].count, 1.0)) / canvas;
    out[n][0] = static_cast<float>(centres[i].first / across);
    out[n][1] = static_cast<float>(centres[i].second / down);
    out[n][2] = static_cast<float>(settings.width * side);
    out[n][3] = static_cast<float>(0.5 * std::atan2(2 * cells[i].xy, cells[i].xx - cells[i].yy));
    out[n][4] = static_cast<float>(settings.frequency / side);
  }
  return geometry;
}

}  // namespace neurosplat
