#pragma once

#include "renderer/packets/cuda/axis.cuh"
#include "renderer/packets/cuda/matrix_unit.cuh"

/// Packets to field. A block draws one tile of one picture: `Channels` channels, kTileRows rows,
/// kTileColumns columns, with the packets of one split. It looks at a window of packets at a time,
/// keeps those that reach the tile, writes their factors chunk by chunk into shared memory and
/// multiplies them, left [rows] times columns, inner index 2 * packet + (0: re, 1: im).
namespace neurosplat::packet::cuda {

template <int Channels>
struct Draw {
  static constexpr int kTileRows = Channels == 1 ? 64 : 32;
  static constexpr int kTileColumns = 64;
  static constexpr int kRows = Channels * kTileRows;
  static constexpr int kWarpRows = kRows / 32;  // a warp multiplies 32 x 32 of the tile
  static constexpr int kWarps = kWarpRows * (kTileColumns / 32);
  static constexpr int kThreads = 32 * kWarps;
  static constexpr int kWindow = kThreads;
  static constexpr int kChunk = 16;
  static constexpr int kInner = 2 * kChunk;
  // Eight rows of four pairs fall into distinct banks.
  static constexpr int kStride = kInner + 8;
  static constexpr int kNumbers = kPreparedNumbers + 2 * Channels;
  static_assert(kThreads % kChunk == 0 && kRows % 32 == 0);

  struct Arguments {
    Shape shape;
    int splits;  // split s sums its share of the packets into field + s * B * C * H * W
    const float *active, *prepared;
    float* field;
  };

  struct Shared {
    device::Tile<kRows, kInner, kStride> left;
    device::Tile<kTileColumns, kInner, kStride> columns;
    device::Tile<kNumbers, kWindow, kWindow> numbers;  // of the packets kept: axes, coefficients
    int kept[kWarps];
  };

  /// What this block draws.
  struct Task {
    std::int64_t picture;
    int split, first_channel, top, left, first_packet, last_packet;
  };

  static std::int64_t tiles(const Shape& shape) {
    return static_cast<std::int64_t>((shape.height + kTileRows - 1) / kTileRows) *
           ((shape.width + kTileColumns - 1) / kTileColumns);
  }

  static std::int64_t blocks(const Shape& shape, int splits) {
    return shape.batch * splits * (shape.channels / Channels) * tiles(shape);
  }

  static NEUROSPLAT_DEVICE Task task_of(const Arguments& given, std::int64_t block) {
    const Shape& shape = given.shape;
    const int across = (shape.width + kTileColumns - 1) / kTileColumns;
    const int down = (shape.height + kTileRows - 1) / kTileRows;
    const int groups = shape.channels / Channels;
    Task task;
    task.left = static_cast<int>(block % across) * kTileColumns;
    block /= across;
    task.top = static_cast<int>(block % down) * kTileRows;
    block /= down;
    task.first_channel = static_cast<int>(block % groups) * Channels;
    block /= groups;
    task.split = static_cast<int>(block % given.splits);
    task.picture = block / given.splits;
    const auto share = static_cast<std::int64_t>(shape.packets);
    task.first_packet = static_cast<int>(share * task.split / given.splits);
    task.last_packet = static_cast<int>(share * (task.split + 1) / given.splits);
    return task;
  }

  /// Copies the numbers of the packets of one window that reach the tile, in their order, and
  /// returns how many. Thread i looks at packet first + i.
  static NEUROSPLAT_DEVICE int gather(const Arguments& given, const Task& task, int first,
                                      Shared& shared) {
    const Shape& shape = given.shape;
    const int n = first + device::thread(), warp = device::thread() / 32;
    const auto at = task.picture * shape.packets + n;
    const float* prepared = given.prepared + task.picture * kPreparedNumbers * shape.packets + n;
    const Area area{task.left, task.left + kTileColumns - 1, task.top, task.top + kTileRows - 1};
    bool keep = n < task.last_packet;
    if (keep) {
      keep = reaches(read_axis(prepared, kHorizontal, shape.packets),
                     read_axis(prepared, kVertical, shape.packets), area);
    }
    const std::uint32_t kept = device::ballot(keep);
    if (device::thread() % 32 == 0) shared.kept[warp] = device::count_bits(kept);
    device::synchronise();
    int place = device::count_bits(kept & ((1U << (device::thread() % 32)) - 1U)), count = 0;
    for (int w = 0; w < kWarps; ++w) {
      if (w < warp) place += shared.kept[w];
      count += shared.kept[w];
    }
    if (keep) {
      for (int i = 0; i < kPreparedNumbers; ++i) {
        shared.numbers.at(i, place) = prepared[static_cast<std::int64_t>(i) * shape.packets];
      }
      const float* coefficients = given.active + at * packet::numbers(shape.channels) +
                                  packet::kCoefficients + 2 * task.first_channel;
      for (int i = 0; i < 2 * Channels; ++i) {
        shared.numbers.at(kPreparedNumbers + i, place) = coefficients[i];
      }
    }
    device::synchronise();
    return count;
  }

  static NEUROSPLAT_DEVICE Axis axis_of(Shared& shared, FirstNumber first, int place) {
    return {shared.numbers.at(first, place), shared.numbers.at(first + 1, place),
            shared.numbers.at(first + 2, place), shared.numbers.at(first + 3, place),
            shared.numbers.at(first + 4, place)};
  }

  /// Writes the factors of packets first ... first + kChunk - 1 of the window; zeros beyond count.
  static NEUROSPLAT_DEVICE void write_factors(const Task& task, int first, int count,
                                              Shared& shared) {
    constexpr int kStep = kThreads / kChunk;
    const int slot = device::thread() % kChunk, start = device::thread() / kChunk;
    const bool here = first + slot < count;
    const int place = here ? first + slot : 0;
    const Axis x = axis_of(shared, kHorizontal, place);
    for (int u = start; u < kTileColumns; u += kStep) {
      const Factor f = here ? factor_at(x, task.left + u) : Factor{0.0f, 0.0f};
      shared.columns.pair(u, 2 * slot) = {f.re, f.im};
    }
    const Axis y = axis_of(shared, kVertical, place);
    for (int v = start; v < kTileRows; v += kStep) {
      const Factor f = here ? factor_at(y, task.top + v) : Factor{0.0f, 0.0f};
      NEUROSPLAT_UNROLL
      for (int c = 0; c < Channels; ++c) {
        const float a = here ? shared.numbers.at(kPreparedNumbers + 2 * c, place) : 0.0f;
        const float b = here ? shared.numbers.at(kPreparedNumbers + 2 * c + 1, place) : 0.0f;
        shared.left.pair(c * kTileRows + v, 2 * slot) = {a * f.re - b * f.im,
                                                         -(a * f.im + b * f.re)};
      }
    }
  }

  static NEUROSPLAT_DEVICE void multiply_chunk(const Lane& lane, Shared& shared,
                                               Accumulator (&sums)[2][4]) {
    const int row = lane.warp % kWarpRows * 32, column = lane.warp / kWarpRows * 32;
    for (int inner = 0; inner < kInner; inner += 8) {
      FragmentA a[2];
      NEUROSPLAT_UNROLL
      for (int i = 0; i < 2; ++i) a[i] = rows_in_pairs(shared.left, row + 16 * i, inner, lane);
      NEUROSPLAT_UNROLL
      for (int j = 0; j < 4; ++j) {
        const FragmentB b = columns_in_pairs(shared.columns, column + 8 * j, inner, lane);
        NEUROSPLAT_UNROLL
        for (int i = 0; i < 2; ++i) multiply_add(sums[i][j], a[i], b);
      }
    }
  }

  static NEUROSPLAT_DEVICE void store(const Arguments& given, const Task& task, const Lane& lane,
                                      const Accumulator (&sums)[2][4]) {
    const Shape& shape = given.shape;
    const std::int64_t picture = task.split * shape.batch + task.picture;
    float* field = given.field + (picture * shape.channels + task.first_channel) * shape.height *
                                     static_cast<std::int64_t>(shape.width);
    NEUROSPLAT_UNROLL
    for (int k = 0; k < 32; ++k) {
      const int i = k / 16, j = k / 4 % 4, e = k % 4;
      const int row = lane.warp % kWarpRows * 32 + 16 * i + lane.row + 8 * (e / 2);
      const int u = task.left + lane.warp / kWarpRows * 32 + 8 * j + 2 * lane.column + e % 2;
      const int channel = row / kTileRows, v = task.top + row % kTileRows;
      if (u < shape.width && v < shape.height) {
        field[(static_cast<std::int64_t>(channel) * shape.height + v) * shape.width + u] =
            sums[i][j].sum[e];
      }
    }
  }

  static NEUROSPLAT_DEVICE void run(const Arguments& given, Shared& shared) {
    const Task task = task_of(given, device::block());
    const Lane lane = lane_of(device::thread());
    Accumulator sums[2][4] = {};
    for (int first = task.first_packet; first < task.last_packet; first += kWindow) {
      const int count = gather(given, task, first, shared);
      for (int chunk = 0; chunk < count; chunk += kChunk) {
        write_factors(task, chunk, count, shared);
        device::synchronise();
        multiply_chunk(lane, shared, sums);
        device::synchronise();
      }
    }
    store(given, task, lane, sums);
  }
};

/// Adds the splits' fields, in their order.
struct SumSplits {
  static constexpr int kThreads = 256;
  struct Arguments {
    std::int64_t count;
    int splits;
    const float* parts;  // [splits, count]
    float* sum;          // [count]
  };
  struct Shared {};

  static NEUROSPLAT_DEVICE void run(const Arguments& given, Shared&) {
    const std::int64_t i = device::block() * kThreads + device::thread();
    if (i >= given.count) return;
    float sum = given.parts[i];
    for (int s = 1; s < given.splits; ++s) sum += given.parts[s * given.count + i];
    given.sum[i] = sum;
  }
};

}  // namespace neurosplat::packet::cuda
