#include "renderer/packets/matrix/picture_work.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/renderer/packets/packet.h"

namespace neurosplat::packet::matrix {
namespace {

std::int64_t numbers_of(const Shape& shape) {
  return packet::numbers(static_cast<int>(shape.channels));
}

std::size_t size(std::int64_t count) {
  return static_cast<std::size_t>(count);
}

}  // namespace

void PictureWork::prepare(const Shape& shape, const GivenPackets& packets, double cutoff) {
  shape_ = shape;
  given_ = packets;
  check_numbers();
  const std::int64_t row = padded(shape.packets);
  active_ = {shape.packets, shape.channels, row,
             take(active_numbers_, size(numbers_of(shape) * row))};
  kernels().activate(packets.numbers, packets.anchors, active_);
  cosine_.resize(size(shape.packets));
  sine_.resize(size(shape.packets));
  const float* orientation = active_.data + packet::kOrientation * row;
  for (std::int64_t n = 0; n < shape.packets; ++n) {
    cosine_[size(n)] = std::cos(static_cast<double>(orientation[n]));
    sine_[size(n)] = std::sin(static_cast<double>(orientation[n]));
  }
  make_plan(shape, active_, cosine_.data(), sine_.data(), cutoff, plan_);
}

void PictureWork::check_numbers() const {
  const std::int64_t numbers = numbers_of(shape_), count = shape_.packets * numbers;
  bool finite = true;
  for (std::int64_t i = 0; i < count; ++i) {
    constexpr std::uint32_t kExponent = 0x7f800000;
    finite &= (std::bit_cast<std::uint32_t>(given_.numbers[i]) & kExponent) != kExponent;
  }
  if (!finite) {
    for (std::int64_t i = 0; i < count; ++i) {
      if (std::isfinite(given_.numbers[i])) continue;
      throw UsageError(text("packets: expected finite numbers, got ", given_.numbers[i],
                            " as number ", i % numbers, " of packet ", i / numbers));
    }
  }
  if (given_.anchors != nullptr) return;
  for (std::int64_t n = 0; n < shape_.packets; ++n) {
    if (given_.numbers[n * numbers + packet::kWidth] != 0) continue;
    throw UsageError(text("packets: expected widths other than 0, got 0 in packet ", n));
  }
}

BlockTask PictureWork::task_of(const BlockUse& block, Scratch& scratch) const {
  const GridUse& grid = plan_.grids[size(block.grid)];
  return {.active = &active_,
          .cosine = cosine_.data(),
          .sine = sine_.data(),
          .order = plan_.order.data() + block.first,
          .count = block.count,
          .columns = {grid.columns->positions.data() + block.first_column, block.columns,
                      grid.columns->side},
          .rows = {grid.rows->positions.data() + block.first_row, block.rows, grid.rows->side},
          .field_row = grid.field_row,
          .field_channel = grid.field_channel,
          .scratch = take(scratch.block, size(scratch_floats(block.rows, block.columns)))};
}

namespace {

std::int64_t field_start(const GridUse& grid, const BlockUse& block) {
  return grid.field_offset + block.first_row * grid.field_row + block.first_column;
}

}  // namespace

void PictureWork::draw_blocks(std::int64_t first, std::int64_t last, float* fields,
                              Scratch& scratch) const {
  for (std::int64_t i = first; i < last; ++i) {
    const BlockUse& block = plan_.blocks[size(i)];
    if (block.rows == 0) continue;
    kernels().draw_block(task_of(block, scratch),
                         fields + field_start(plan_.grids[size(block.grid)], block));
  }
}

void PictureWork::add_parts(std::int64_t channel, AlignedFloats* fields, std::int64_t parts) const {
  for (const GridUse& grid : plan_.grids) {
    const std::int64_t at = grid.field_offset + channel * grid.field_channel;
    float* sum = fields[0].data() + at;
    for (std::int64_t part = 1; part < parts; ++part) {
      const float* more = fields[part].data() + at;
      for (std::int64_t i = 0; i < grid.field_channel; ++i) sum[i] += more[i];
    }
  }
}

void PictureWork::spread_channel(std::int64_t channel, const float* fields, bool squash,
                                 float* picture, Scratch& scratch) const {
  const std::int64_t height = shape_.height, width = shape_.width, row = padded(width);
  float* canvas = row == width ? picture : take(scratch.canvas, size(height * row));
  bool add = false;
  for (const GridUse& grid : plan_.grids) {
    const AxisMap &columns = *grid.columns, &rows = *grid.rows;
    const float* field = fields + grid.field_offset + channel * grid.field_channel;
    const float* across = field;  // [rows.points][row]
    if (!columns.identity) {
      float* out = rows.identity ? canvas : take(scratch.between, size(rows.points * row));
      kernels().product({rows.points, row, columns.points, field, grid.field_row, 1,
                         columns.gather.data(), row, out, row, rows.identity && add});
      across = out;
    }
    if (!rows.identity) {
      kernels().product({height, row, rows.points, rows.spread.data(), padded(rows.points), 1,
                         across, row, canvas, row, add});
    } else if (columns.identity) {
      for (std::int64_t i = 0; i < height * row; ++i) {
        canvas[i] = add ? canvas[i] + across[i] : across[i];
      }
    }
    add = true;
  }
  for (std::int64_t v = 0; v < height && canvas != picture; ++v) {
    std::copy_n(canvas + v * row, width, picture + v * width);
  }
  if (squash) kernels().squash(picture, height * width, picture);
}

void PictureWork::gather_channel(std::int64_t channel, const float* picture_gradient,
                                 const float* squashed, float* fields, Scratch& scratch) const {
  const std::int64_t height = shape_.height, width = shape_.width, row = padded(width);
  const float* canvas = picture_gradient;
  if (squashed != nullptr || row != width) {
    float* own = take(scratch.canvas, size(height * row));
    for (std::int64_t v = 0; v < height; ++v) {
      const float* from = picture_gradient + v * width;
      if (squashed != nullptr) {
        kernels().squash_gradient(from, squashed + v * width, width, own + v * row);
      } else {
        std::copy_n(from, width, own + v * row);
      }
      std::fill_n(own + v * row + width, row - width, 0.0f);
    }
    canvas = own;
  }
  for (const GridUse& grid : plan_.grids) {
    const AxisMap &columns = *grid.columns, &rows = *grid.rows;
    float* field = fields + grid.field_offset + channel * grid.field_channel;
    const float* across = canvas;  // [rows.points][row]
    if (!rows.identity) {
      float* out = columns.identity ? field : take(scratch.between, size(rows.points * row));
      kernels().product({rows.points, row, height, rows.spread.data(), 1, padded(rows.points),
                         canvas, row, out, row, false});
      across = out;
    }
    if (!columns.identity) {
      kernels().product({rows.points, grid.field_row, width, across, row, 1, columns.spread.data(),
                         grid.field_row, field, grid.field_row, false});
    } else if (rows.identity) {
      std::copy_n(canvas, height * row, field);
    }
  }
}

void PictureWork::block_gradients(std::int64_t first, std::int64_t last, const float* fields,
                                  float* gradient, Scratch& scratch) const {
  const std::int64_t numbers = numbers_of(shape_);
  float* own = take(scratch.gradient, size(numbers * kBlock));
  for (std::int64_t i = first; i < last; ++i) {
    const BlockUse& block = plan_.blocks[size(i)];
    if (block.rows == 0) {
      std::fill_n(own, numbers * kBlock, 0.0f);
    } else {
      kernels().block_gradient(task_of(block, scratch),
                               fields + field_start(plan_.grids[size(block.grid)], block), own);
    }
    if (given_.anchors != nullptr) to_raw(block, own, scratch);
    scatter_gradient(block, own, gradient);
  }
}

void PictureWork::to_raw(const BlockUse& block, float* gradient, Scratch& scratch) const {
  const std::int64_t numbers = numbers_of(shape_);
  float* raw = take(scratch.raw, size((numbers + 2) * kBlock));
  float* anchors = raw + numbers * kBlock;
  for (std::int64_t i = 0; i < kBlock; ++i) {
    const std::int64_t n =
        plan_.order[size(block.first + std::min<std::int64_t>(i, block.count - 1))];
    for (std::int64_t k = 0; k < numbers; ++k)
      raw[k * kBlock + i] = given_.numbers[n * numbers + k];
    anchors[i] = given_.anchors[n];
    anchors[kBlock + i] = given_.anchors[active_.row + n];
  }
  kernels().activation_gradient(raw, anchors, shape_.channels, gradient);
}

void PictureWork::scatter_gradient(const BlockUse& block, const float* block_gradient,
                                   float* gradient) const {
  const std::int64_t numbers = numbers_of(shape_);
  const std::int32_t* order = plan_.order.data() + block.first;
  for (std::int32_t i = 0; i < block.count; ++i) {
    float* out = gradient + order[i] * numbers;
    for (std::int64_t k = 0; k < numbers; ++k) out[k] = block_gradient[k * kBlock + i];
  }
}

}  // namespace neurosplat::packet::matrix
