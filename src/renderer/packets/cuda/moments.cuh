#pragma once

#include "renderer/packets/cuda/axis.cuh"
#include "renderer/packets/cuda/matrix_unit.cuh"

/// The field's gradient to sums over the picture, packet by packet. A block takes 16 packets, some
/// tiles of one picture and `Channels` channels. For each tile of the field's gradient G it
/// multiplies G with the column factors (the gradient of left) and, transposed, with left (the
/// gradient of the column factors). Both are summed against their own factor and powers of the
/// distance while they are in registers: the sums are linear in G, so tiles simply add up.
namespace neurosplat::packet::cuda {

/// Sums of one packet, by place in the arrays below.
enum Moment : int { kMomentsX = 0, kMomentsY = 5, kMomentCoefficients = 10 };

template <int Channels>
struct Moments {
  static constexpr int kPackets = 16;
  static constexpr int kInner = 2 * kPackets;
  static constexpr int kTileRows = Channels == 1 ? 64 : 32;
  static constexpr int kTileColumns = 64;
  static constexpr int kRows = Channels * kTileRows;
  static constexpr int kThreads = 128;
  static constexpr int kValues = kMomentCoefficients + 2 * Channels;
  // Of the four warps, two share the packets and two the 16-row fragments of either product.
  static constexpr int kRowFragments = kRows / 32, kColumnFragments = kTileColumns / 32;
  static_assert(kRowFragments % Channels == 0);

  struct Arguments {
    Shape shape;
    int splits;  // split s takes its share of the tiles
    const float *active, *prepared, *field_gradient;
    float* sums;  // [splits * C / Channels, B, kValues, N]
  };

  struct Shared {
    // Strides by the reads of a warp: gradient in pairs by row and plain by column, the others
    // plain or in pairs by inner index.
    device::Tile<kRows, kTileColumns, kTileColumns + 8> gradient;
    device::Tile<kTileColumns, kInner, kInner + 4> columns;
    device::Tile<kTileRows, kInner, kInner + 4> rows;
    device::Tile<kRows, kInner, kInner + 8> left;
    device::Tile<kPreparedNumbers + 2 * Channels, kPackets, kPackets> numbers;
    device::Tile<2 * kValues, kPackets, kPackets> halves;  // sums of the two halves of the rows
  };

  struct Task {
    std::int64_t picture;
    int part, first_channel, first_packet, tiles_down;
    std::int64_t first_tile, last_tile;  // counted down a column of tiles first
  };

  /// A thread's running sums for its two packets.
  struct Sums {
    float value[2][kValues];
  };

  static NEUROSPLAT_DEVICE int down(const Shape& shape) {
    return (shape.height + kTileRows - 1) / kTileRows;
  }

  static NEUROSPLAT_DEVICE int across(const Shape& shape) {
    return (shape.width + kTileColumns - 1) / kTileColumns;
  }

  static NEUROSPLAT_DEVICE int chunks(const Shape& shape) {
    return (shape.packets - 1) / kPackets + 1;
  }

  static NEUROSPLAT_DEVICE Task task_of(const Arguments& given, std::int64_t block) {
    const Shape& shape = given.shape;
    const int groups = shape.channels / Channels;
    Task task;
    task.first_packet = static_cast<int>(block % chunks(shape)) * kPackets;
    block /= chunks(shape);
    const int group = static_cast<int>(block % groups);
    block /= groups;
    const int split = static_cast<int>(block % given.splits);
    task.picture = block / given.splits;
    task.part = split * groups + group;
    task.first_channel = group * Channels;
    task.tiles_down = down(shape);
    const std::int64_t tiles = static_cast<std::int64_t>(task.tiles_down) * across(shape);
    task.first_tile = tiles * split / given.splits;
    task.last_tile = tiles * (split + 1) / given.splits;
    return task;
  }

  static NEUROSPLAT_DEVICE void read_packets(const Arguments& given, const Task& task,
                                             Shared& shared) {
    const Shape& shape = given.shape;
    for (int i = device::thread(); i < (kPreparedNumbers + 2 * Channels) * kPackets;
         i += kThreads) {
      const int number = i / kPackets, slot = i % kPackets;
      const auto n = static_cast<std::int64_t>(task.first_packet) + slot;
      float value = 0.0f;
      if (n < shape.packets && number < kPreparedNumbers) {
        value = given.prepared[(task.picture * kPreparedNumbers + number) * shape.packets + n];
      } else if (n < shape.packets) {
        value = given.active[(task.picture * shape.packets + n) * packet::numbers(shape.channels) +
                             packet::kCoefficients + 2 * task.first_channel +
                             (number - kPreparedNumbers)];
      }
      shared.numbers.at(number, slot) = value;
    }
  }

  static NEUROSPLAT_DEVICE Axis axis_of(Shared& shared, FirstNumber first, int slot) {
    return {shared.numbers.at(first, slot), shared.numbers.at(first + 1, slot),
            shared.numbers.at(first + 2, slot), shared.numbers.at(first + 3, slot),
            shared.numbers.at(first + 4, slot)};
  }

  static NEUROSPLAT_DEVICE void write_columns(int left, Shared& shared) {
    const int slot = device::thread() % kPackets;
    const Axis x = axis_of(shared, kHorizontal, slot);
    for (int u = device::thread() / kPackets; u < kTileColumns; u += kThreads / kPackets) {
      const Factor f = factor_at(x, left + u);
      shared.columns.pair(u, 2 * slot) = {f.re, f.im};
    }
  }

  static NEUROSPLAT_DEVICE void write_rows(int top, Shared& shared) {
    const int slot = device::thread() % kPackets;
    const Axis y = axis_of(shared, kVertical, slot);
    for (int v = device::thread() / kPackets; v < kTileRows; v += kThreads / kPackets) {
      const Factor f = factor_at(y, top + v);
      shared.rows.pair(v, 2 * slot) = {f.re, f.im};
      NEUROSPLAT_UNROLL
      for (int c = 0; c < Channels; ++c) {
        const float a = shared.numbers.at(kPreparedNumbers + 2 * c, slot);
        const float b = shared.numbers.at(kPreparedNumbers + 2 * c + 1, slot);
        shared.left.pair(c * kTileRows + v, 2 * slot) = {a * f.re - b * f.im,
                                                         -(a * f.im + b * f.re)};
      }
    }
  }

  /// One tile of the field's gradient; zero outside the picture.
  static NEUROSPLAT_DEVICE void read_gradient(const Arguments& given, const Task& task, int top,
                                              int left, Shared& shared) {
    const Shape& shape = given.shape;
    const float* from =
        given.field_gradient + (task.picture * shape.channels + task.first_channel) * shape.height *
                                   static_cast<std::int64_t>(shape.width);
    for (int i = device::thread(); i < kRows * kTileColumns; i += kThreads) {
      const int row = i / kTileColumns, u = left + i % kTileColumns;
      const int channel = row / kTileRows, v = top + row % kTileRows;
      const bool inside = u < shape.width && v < shape.height;
      shared.gradient.at(row, i % kTileColumns) =
          inside ? from[(static_cast<std::int64_t>(channel) * shape.height + v) * shape.width + u]
                 : 0.0f;
    }
  }

  /// Adds g E d^k of one grid line: `re`, `im` hold g E, `d` the distance, units of the side.
  static NEUROSPLAT_DEVICE void add_line(float* moments, float re, float im, float d) {
    moments[0] += re;
    moments[1] += im;
    moments[2] += d * re;
    moments[3] += d * im;
    moments[4] += d * d * re;
  }

  /// The gradient of left: G times the column factors, then its sums over this warp's rows.
  static NEUROSPLAT_DEVICE void add_left(const Shape& shape, int top, const Lane& lane,
                                         Shared& shared, Sums& sums) {
    const int half = lane.warp % 2, first_column = lane.warp / 2 * kPackets;
    Accumulator product[kRowFragments][2] = {};
    for (int inner = 0; inner < kTileColumns; inner += 8) {
      FragmentB b[2];
      NEUROSPLAT_UNROLL
      for (int j = 0; j < 2; ++j) {
        b[j] = transposed_in_pairs(shared.columns, first_column + 8 * j, inner, lane);
      }
      NEUROSPLAT_UNROLL
      for (int i = 0; i < kRowFragments; ++i) {
        const FragmentA a = rows_in_pairs(shared.gradient, 16 * (2 * i + half), inner, lane);
        NEUROSPLAT_UNROLL
        for (int j = 0; j < 2; ++j) multiply_add(product[i][j], a, b[j]);
      }
    }
    const float scale = 1.0f / static_cast<float>(shape.height - 1);
    NEUROSPLAT_UNROLL
    for (int j = 0; j < 2; ++j) {
      const int slot = first_column / 2 + 4 * j + lane.column;
      const Axis y = axis_of(shared, kVertical, slot);
      NEUROSPLAT_UNROLL
      for (int k = 0; k < 2 * kRowFragments; ++k) {
        const int i = k / 2, lower = k % 2;
        const int channel = i * Channels / kRowFragments;
        const int v = (16 * (2 * i + half) + lane.row + 8 * lower) % kTileRows;
        const device::Pair own = shared.rows.pair(v, 2 * slot);
        const float g_re = product[i][j].sum[2 * lower], g_im = product[i][j].sum[2 * lower + 1];
        const float re = g_re * own.first - g_im * own.second;
        const float im = g_re * own.second + g_im * own.first;
        const float a = shared.numbers.at(kPreparedNumbers + 2 * channel, slot);
        const float b = shared.numbers.at(kPreparedNumbers + 2 * channel + 1, slot);
        sums.value[j][kMomentCoefficients + 2 * channel] += re;
        sums.value[j][kMomentCoefficients + 2 * channel + 1] -= im;
        add_line(&sums.value[j][kMomentsY], a * re - b * im, a * im + b * re,
                 distance(y, static_cast<float>(top + v)) * scale);
      }
    }
  }

  /// The gradient of the column factors: G transposed times left, summed over the tile's rows.
  static NEUROSPLAT_DEVICE void multiply_columns(const Lane& lane, Shared& shared,
                                                 Accumulator (&product)[kColumnFragments][2]) {
    const int half = lane.warp % 2, first_column = lane.warp / 2 * kPackets;
    for (int inner = 0; inner < kRows; inner += 8) {
      FragmentB b[2];
      NEUROSPLAT_UNROLL
      for (int j = 0; j < 2; ++j) {
        b[j] = transposed_columns(shared.left, first_column + 8 * j, inner, lane);
      }
      NEUROSPLAT_UNROLL
      for (int i = 0; i < kColumnFragments; ++i) {
        const FragmentA a = transposed_rows(shared.gradient, 16 * (2 * i + half), inner, lane);
        NEUROSPLAT_UNROLL
        for (int j = 0; j < 2; ++j) multiply_add(product[i][j], a, b[j]);
      }
    }
  }

  /// Sums the gradient of the column factors over this warp's columns.
  static NEUROSPLAT_DEVICE void add_columns(const Shape& shape, int left, const Lane& lane,
                                            Shared& shared,
                                            const Accumulator (&product)[kColumnFragments][2],
                                            Sums& sums) {
    const int half = lane.warp % 2, first_column = lane.warp / 2 * kPackets;
    const float scale = 1.0f / static_cast<float>(shape.width - 1);
    NEUROSPLAT_UNROLL
    for (int j = 0; j < 2; ++j) {
      const int slot = first_column / 2 + 4 * j + lane.column;
      const Axis x = axis_of(shared, kHorizontal, slot);
      NEUROSPLAT_UNROLL
      for (int k = 0; k < 2 * kColumnFragments; ++k) {
        const int i = k / 2, lower = k % 2;
        const int u = 16 * (2 * i + half) + lane.row + 8 * lower;
        const device::Pair own = shared.columns.pair(u, 2 * slot);
        const float g_re = product[i][j].sum[2 * lower], g_im = product[i][j].sum[2 * lower + 1];
        add_line(&sums.value[j][kMomentsX], g_re * own.first + g_im * own.second,
                 g_re * own.second - g_im * own.first,
                 distance(x, static_cast<float>(left + u)) * scale);
      }
    }
  }

  /// Also the barrier between the reads of one tile and the writes of the next.
  static NEUROSPLAT_DEVICE bool any_reaches(const Task& task, int top, int left, const Shape& shape,
                                            Shared& shared) {
    const int slot = device::thread() % kPackets;
    const bool mine = task.first_packet + slot < shape.packets &&
                      reaches(axis_of(shared, kHorizontal, slot), axis_of(shared, kVertical, slot),
                              {left, left + kTileColumns - 1, top, top + kTileRows - 1});
    return device::any_in_block(mine);
  }

  /// Adds up the lanes and warps that share a packet, in fixed order, and writes the result.
  static NEUROSPLAT_DEVICE void store(const Arguments& given, const Task& task, const Lane& lane,
                                      Shared& shared, const Sums& sums) {
    const int half = lane.warp % 2, first_slot = lane.warp / 2 * (kPackets / 2);
    NEUROSPLAT_UNROLL
    for (int k = 0; k < 2 * kValues; ++k) {
      const int j = k / kValues, i = k % kValues;
      float value = sums.value[j][i];
      for (int mask = 4; mask < 32; mask *= 2) value += device::shuffle_xor(value, mask);
      if (lane.row == 0) {
        shared.halves.at(half * kValues + i, first_slot + 4 * j + lane.column) = value;
      }
    }
    device::synchronise();
    const Shape& shape = given.shape;
    float* out = given.sums + (task.part * shape.batch + task.picture) * kValues * shape.packets;
    for (int k = device::thread(); k < kValues * kPackets; k += kThreads) {
      const int i = k / kPackets, slot = k % kPackets;
      const auto n = static_cast<std::int64_t>(task.first_packet) + slot;
      if (n < shape.packets) {
        out[static_cast<std::int64_t>(i) * shape.packets + n] =
            shared.halves.at(i, slot) + shared.halves.at(kValues + i, slot);
      }
    }
  }

  static NEUROSPLAT_DEVICE void run(const Arguments& given, Shared& shared) {
    const Shape& shape = given.shape;
    const Task task = task_of(given, device::block());
    const Lane lane = lane_of(device::thread());
    read_packets(given, task, shared);
    device::synchronise();
    Sums sums = {};
    std::int64_t tile = task.first_tile;
    while (tile < task.last_tile) {  // a column of tiles at a time
      const int column = static_cast<int>(tile / task.tiles_down);
      const int left = column * kTileColumns;
      write_columns(left, shared);
      Accumulator columns_gradient[kColumnFragments][2] = {};
      for (; tile < task.last_tile && tile / task.tiles_down == column; ++tile) {
        const int top = static_cast<int>(tile % task.tiles_down) * kTileRows;
        if (!any_reaches(task, top, left, shape, shared)) continue;
        read_gradient(given, task, top, left, shared);
        write_rows(top, shared);
        device::synchronise();
        add_left(shape, top, lane, shared, sums);
        multiply_columns(lane, shared, columns_gradient);
      }
      add_columns(shape, left, lane, shared, columns_gradient, sums);
      device::synchronise();
    }
    store(given, task, lane, shared, sums);
  }
};

}  // namespace neurosplat::packet::cuda
