#pragma once

#include "renderer/packets/cuda/device.cuh"

/// Products on the matrix units with float32 accuracy. A number is split into two of TF32's 11
/// bits; three of the four products of such pairs count. The units cut their sums off instead of
/// rounding them, which would add up over hundreds of steps: so every step of 8 starts from zero
/// and is added in float32.
namespace neurosplat::packet::cuda {

/// Where this lane stands in the fragments (device.cuh).
struct Lane {
  int warp, row, column;  // the g and t of the fragments are `row` and `column`
};

NEUROSPLAT_DEVICE Lane lane_of(int thread) {
  return {thread / 32, thread % 32 / 4, thread % 4};
}

struct FragmentA {
  std::uint32_t high[4], low[4];
};

struct FragmentB {
  std::uint32_t high[2], low[2];
};

struct Accumulator {
  float sum[4];
};

/// high is rounded, low cut off. A NaN may round to zero in `high`, and then stands in `low`.
NEUROSPLAT_DEVICE void split(float value, std::uint32_t& high, std::uint32_t& low) {
  constexpr std::uint32_t kKept = 0xffffe000U, kHalf = 0x1000U;
  high = (device::bits_of(value) + kHalf) & kKept;
  low = device::bits_of(value - device::float_of(high)) & kKept;
}

NEUROSPLAT_DEVICE void set(FragmentA& a, int index, float value) {
  split(value, a.high[index], a.low[index]);
}

NEUROSPLAT_DEVICE void set(FragmentB& b, int index, float value) {
  split(value, b.high[index], b.low[index]);
}

/// sum += a b.
NEUROSPLAT_DEVICE void multiply_add(Accumulator& total, const FragmentA& a, const FragmentB& b) {
  float step[4] = {0.0f, 0.0f, 0.0f, 0.0f};
  device::multiply_add(step, a.low, b.high);
  device::multiply_add(step, a.high, b.low);
  device::multiply_add(step, a.high, b.high);
  NEUROSPLAT_UNROLL
  for (int i = 0; i < 4; ++i) total.sum[i] += step[i];
}

// The inner index of a product may be counted in any order, if both sides agree. "Pairs" has
// position t of the fragments read inner index 2t and position t + 4 read 2t + 1, so that one
// access of 8 bytes brings both; "plain" reads t and t + 4.

/// A's rows `row` ... `row` + 15 of a tile [row][inner], in pairs.
template <class Tile>
NEUROSPLAT_DEVICE FragmentA rows_in_pairs(Tile& tile, int row, int inner, const Lane& lane) {
  const device::Pair upper = tile.pair(row + lane.row, inner + 2 * lane.column);
  const device::Pair lower = tile.pair(row + lane.row + 8, inner + 2 * lane.column);
  FragmentA a;
  set(a, 0, upper.first);
  set(a, 1, lower.first);
  set(a, 2, upper.second);
  set(a, 3, lower.second);
  return a;
}

/// A's rows from a tile [inner][row], plain.
template <class Tile>
NEUROSPLAT_DEVICE FragmentA transposed_rows(Tile& tile, int row, int inner, const Lane& lane) {
  FragmentA a;
  set(a, 0, tile.at(inner + lane.column, row + lane.row));
  set(a, 1, tile.at(inner + lane.column, row + lane.row + 8));
  set(a, 2, tile.at(inner + lane.column + 4, row + lane.row));
  set(a, 3, tile.at(inner + lane.column + 4, row + lane.row + 8));
  return a;
}

/// B's columns `column` ... `column` + 7 from a tile [column][inner], in pairs.
template <class Tile>
NEUROSPLAT_DEVICE FragmentB columns_in_pairs(Tile& tile, int column, int inner, const Lane& lane) {
  const device::Pair both = tile.pair(column + lane.row, inner + 2 * lane.column);
  FragmentB b;
  set(b, 0, both.first);
  set(b, 1, both.second);
  return b;
}

/// B's columns from a tile [inner][column], in the order of pairs.
template <class Tile>
NEUROSPLAT_DEVICE FragmentB transposed_in_pairs(Tile& tile, int column, int inner,
                                                const Lane& lane) {
  FragmentB b;
  set(b, 0, tile.at(inner + 2 * lane.column, column + lane.row));
  set(b, 1, tile.at(inner + 2 * lane.column + 1, column + lane.row));
  return b;
}

/// B's columns from a tile [inner][column], plain.
template <class Tile>
NEUROSPLAT_DEVICE FragmentB transposed_columns(Tile& tile, int column, int inner,
                                               const Lane& lane) {
  FragmentB b;
  set(b, 0, tile.at(inner + lane.column, column + lane.row));
  set(b, 1, tile.at(inner + lane.column + 4, column + lane.row));
  return b;
}

}  // namespace neurosplat::packet::cuda
