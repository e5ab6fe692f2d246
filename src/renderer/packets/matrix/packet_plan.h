#pragma once

#include <cstdint>
#include <vector>

#include "renderer/packets/matrix/axis_map.h"
#include "renderer/packets/matrix/matrix_kernels.h"

namespace neurosplat::packet::matrix {

struct Shape {
  std::int64_t packets, channels, height, width;
};

/// A grid that some packets of the picture are drawn on.
struct GridUse {
  const AxisMap* columns;
  const AxisMap* rows;
  std::int64_t field_row;      ///< padded points of a row of its field
  std::int64_t field_channel;  ///< numbers of a channel
  std::int64_t field_offset;   ///< of its field within all fields of the picture
};

/// Up to kBlock packets near each other, and the part of their grid that they reach.
struct BlockUse {
  std::int32_t grid;
  std::int32_t first, count;  ///< of the plan's order
  std::int32_t first_column, columns, first_row, rows;
};

/// Which packets are drawn on which grid, and in which blocks.
struct PacketPlan {
  std::vector<std::int32_t> order;
  std::vector<GridUse> grids;
  std::vector<BlockUse> blocks;
  std::int64_t field_numbers = 0;  ///< of all grids together
};

/// active: finite numbers, widths not 0. Envelopes below `cutoff` may be left out. The plan depends
/// on nothing but its arguments.
void make_plan(const Shape& shape, const PacketTable& active, const double* cosine,
               const double* sine, double cutoff, PacketPlan& plan);

}  // namespace neurosplat::packet::matrix
