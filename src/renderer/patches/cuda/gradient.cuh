#pragma once

#include "renderer/patches/cuda/splat.cuh"

namespace neurosplat::patches::cuda {

/// A block owns 16 splats of one cell and walks over the pixels of the tiles that see it; a thread
/// owns one splat and every 16th of the pixels. Nothing is added across blocks.
template <Kernel kernel>
struct Gradient {
  static constexpr int kThreads = 256;
  static constexpr int kSplats = 16;
  static constexpr int kSlices = kThreads / kSplats;

  struct Arguments {
    Shape shape;
    const float *splats, *pixels, *weights, *pixel_gradient;
    float* splat_gradient;
  };
  /// A pixel: its position, twice its gradient, the gradient along its colour, and what its shares
  /// need.
  struct Pixel {
    float x, y, g[3], total, reference, inverse;
  };
  struct Shared {
    union {
      Pixel pixels[kThreads];
      float sums[kThreads][kSums];
    };
  };

  static std::int64_t parts(const Shape& shape) { return (shape.splats + kSplats - 1) / kSplats; }
  static std::int64_t blocks(const Shape& shape) {
    return shape.batch * shape.rows * shape.columns * parts(shape);
  }

  static NEUROSPLAT_DEVICE Pixel load(const Arguments& given, const Tile& tile, const Step& step,
                                      int i) {
    const Shape& shape = given.shape;
    const std::int64_t plane = pixels_of(shape);
    const std::int64_t at = pixel_at(shape, tile.row, tile.column, i);
    const float* drawn = given.pixels + tile.picture * 3 * plane + at;
    const float* slope = given.pixel_gradient + tile.picture * 3 * plane + at;
    const float* weights = given.weights + tile.picture * plane + at;
    Pixel pixel{position(shape.tile, i % shape.tile, step.right),
                position(shape.tile, i / shape.tile, step.down),
                {},
                0.0f,
                weights[0],
                1.0f / weights[shape.batch * plane]};
    for (int c = 0; c < 3; ++c) {
      pixel.g[c] = 2.0f * slope[c * plane];
      pixel.total += pixel.g[c] * (0.5f * drawn[c * plane] + 0.5f);
    }
    return pixel;
  }

  static NEUROSPLAT_DEVICE void add(const Splat& splat, const Pixel& pixel, float (&sums)[kSums]) {
    const Place place = place_of(splat, pixel.x, pixel.y);
    const float log_weight =
        (splat.weight - pixel.reference) + log_depth<kernel, ScalarUse>(place.distance);
    if (log_weight < -kUnseen) return;  // not so for a NaN
    const auto there = profile<kernel, ScalarUse>(place.distance);
    const float share = std::exp(log_weight) * there.depth_factor * pixel.inverse;
    const float drawn = share * there.value;
    const float along = splat.red * pixel.g[0] + splat.green * pixel.g[1] + splat.blue * pixel.g[2];
    const float log_slope = there.value * along - pixel.total;
    const float slope = share * (along * there.value_slope + log_slope * there.depth_slope);
    sums[kSlopeP] += slope * place.p;
    sums[kSlopeY] += slope * place.dy;
    sums[kSlopePX] += slope * place.p * place.dx;
    sums[kSlopePY] += slope * place.p * place.dy;
    sums[kSlopeYY] += slope * place.dy * place.dy;
    sums[kSumRed] += drawn * pixel.g[0];
    sums[kSumGreen] += drawn * pixel.g[1];
    sums[kSumBlue] += drawn * pixel.g[2];
    sums[kSumLogWeight] += share * log_slope;
  }

  /// Adds the pixels of one tile that sees the splat's cell.
  static NEUROSPLAT_DEVICE void add_tile(const Arguments& given, const Tile& tile, const Step& step,
                                         const Splat& splat, Shared& shared, float (&sums)[kSums]) {
    const int pixels = given.shape.tile * given.shape.tile;
    for (int first = 0; first < pixels; first += kThreads) {
      const int count = pixels - first < kThreads ? pixels - first : kThreads;
      device::synchronise();
      if (device::thread() < count) {
        shared.pixels[device::thread()] = load(given, tile, step, first + device::thread());
      }
      device::synchronise();
      for (int i = device::thread() / kSplats; i < count; i += kSlices) {
        add(splat, shared.pixels[i], sums);
      }
    }
  }

  static NEUROSPLAT_DEVICE void run(const Arguments& given, Shared& shared) {
    const Shape& shape = given.shape;
    const std::int64_t own_parts = (shape.splats + kSplats - 1) / kSplats;
    const Tile cell = tile_of(shape, device::block() / own_parts);
    const int first = static_cast<int>(device::block() % own_parts) * kSplats;
    const int own = first + device::thread() % kSplats;
    const std::int64_t numbers = cell_at(shape, cell.picture, cell.row, cell.column);
    // What is beyond the last splat does the last one's work once more, unseen.
    const int read = own < shape.splats ? own : shape.splats - 1;
    const Splat splat = splat_of(given.splats + numbers + read * kNumbers);
    float sums[kSums] = {};
    for (int i = 0; i < cells_seen(shape); ++i) {
      const Step step = step_of(shape, i);  // from the tile to the cell
      const Tile tile{cell.picture, cell.row - step.down, cell.column - step.right};
      if (!within(shape, tile.row, tile.column)) continue;
      add_tile(given, tile, step, splat, shared, sums);
    }
    device::synchronise();
    for (int k = 0; k < kSums; ++k) shared.sums[device::thread()][k] = sums[k];
    device::synchronise();
    if (device::thread() >= kSplats || own >= shape.splats) return;
    float total[kSums] = {};
    for (int slice = 0; slice < kSlices; ++slice) {
      const float* part = shared.sums[slice * kSplats + device::thread()];
      for (int k = 0; k < kSums; ++k) total[k] += part[k];
    }
    const std::int64_t at = numbers + own * kNumbers;
    gradient_of_sums(given.splats + at, total, given.splat_gradient + at);
  }
};

}  // namespace neurosplat::patches::cuda
