// The launches of cuda_kernels.h in terms of launch<Kernel>(blocks, arguments, stream), which the
// file that includes this one has defined in namespace neurosplat::packet::cuda: cuda_kernels.cu
// for the device, the emulator of the tests for a processor.

#include <algorithm>
#include <limits>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "renderer/packets/cuda/draw.cuh"
#include "renderer/packets/cuda/lock.cuh"
#include "renderer/packets/cuda/moments.cuh"
#include "renderer/packets/cuda/packets.cuh"

namespace neurosplat::packet::cuda {
namespace {

/// Blocks that fill a large device; fixed, so that results do not depend on the device.
constexpr std::int64_t kEnoughBlocks = 256;
/// Packets that a split of a drawing should have at least.
constexpr int kSmallestSplit = 32;

std::int64_t field_size(const Shape& shape) {
  return shape.batch * shape.channels * shape.height * static_cast<std::int64_t>(shape.width);
}

int splits_for(std::int64_t blocks, std::int64_t most) {
  const std::int64_t wanted = (kEnoughBlocks + blocks - 1) / blocks;
  return static_cast<int>(std::max<std::int64_t>(1, std::min(wanted, most)));
}

/// Calls work with the kernel of 3 channels at a time, or else with that of 1.
template <template <int> class Kernel, class Work>
auto with_channels(const Shape& shape, const Work& work) {
  return shape.channels == 3 ? work(Kernel<3>()) : work(Kernel<1>());
}

int draw_splits(const Shape& shape) {
  return with_channels<Draw>(shape, [&](auto kernel) {
    return splits_for(decltype(kernel)::blocks(shape, 1), shape.packets / kSmallestSplit);
  });
}

/// Blocks of the moments' kernel with one split, tiles of the picture, values a packet.
struct MomentGrid {
  std::int64_t blocks, tiles;
  int values, group;
};

MomentGrid moment_grid(const Shape& shape) {
  const auto tiles = [&](int rows, int columns) {
    return static_cast<std::int64_t>((shape.height + rows - 1) / rows) *
           ((shape.width + columns - 1) / columns);
  };
  return with_channels<Moments>(shape, [&](auto kernel) {
    using Kernel = decltype(kernel);
    const int group = (Kernel::kValues - kMomentCoefficients) / 2;
    const std::int64_t chunks = (shape.packets - 1) / Kernel::kPackets + 1;
    return MomentGrid{shape.batch * (shape.channels / group) * chunks,
                      tiles(Kernel::kTileRows, Kernel::kTileColumns), Kernel::kValues, group};
  });
}

int moment_splits(const Shape& shape) {
  const MomentGrid grid = moment_grid(shape);
  return splits_for(grid.blocks, grid.tiles);
}

/// Draws into `parts` [splits, B, C, H, W].
void draw_parts(const Shape& shape, const float* active, const float* prepared, float* parts,
                Stream stream) {
  const int splits = draw_splits(shape);
  with_channels<Draw>(shape, [&](auto kernel) {
    using Kernel = decltype(kernel);
    launch<Kernel>(Kernel::blocks(shape, splits), {shape, splits, active, prepared, parts}, stream);
  });
}

MomentParts sum_moments(const Shape& shape, const float* active, const float* prepared,
                        const float* field_gradient, float* workspace, Stream stream) {
  const int splits = moment_splits(shape);
  const MomentGrid grid = moment_grid(shape);
  with_channels<Moments>(shape, [&](auto kernel) {
    launch<decltype(kernel)>(grid.blocks * splits,
                             {shape, splits, active, prepared, field_gradient, workspace}, stream);
  });
  return {splits, grid.group, workspace};
}

}  // namespace

void check_size(const Shape& shape) {
  constexpr std::int64_t kMostBlocks = std::numeric_limits<std::int32_t>::max();
  constexpr double kMostNumbers = 1e18;
  const auto product = [](auto... factors) { return (static_cast<double>(factors) * ...); };
  const double field = product(shape.batch, shape.channels, shape.height, shape.width);
  const double packets = product(shape.batch, shape.packets, 2 * shape.channels + 20);
  // Both kernels' blocks are fewer than these, whatever the splits.
  const double blocks =
      product(shape.batch, shape.channels,
              std::max<std::int64_t>(moment_grid(shape).tiles * 2, shape.packets / 16 + 1)) +
      2.0 * static_cast<double>(kEnoughBlocks);
  if (field < kMostNumbers && packets < kMostNumbers && blocks < static_cast<double>(kMostBlocks)) {
    return;
  }
  throw UsageError(text("packets: expected fewer than ", kMostBlocks,
                        " blocks of work, got a batch of ", shape.batch, " with ", shape.packets,
                        " packets of ", shape.channels, " channels on ", shape.height, " x ",
                        shape.width, " pixels: draw it in parts"));
}

void activate(const Shape& shape, const float* raw, float* active, Stream stream) {
  launch<Activate>(Activate::blocks(shape), {shape, raw, active}, stream);
}

void activate_backward(const Shape& shape, const float* raw, const float* active_gradient,
                       float* raw_gradient, Stream stream) {
  launch<ActivateBackward>(ActivateBackward::blocks(shape),
                           {shape, raw, active_gradient, raw_gradient}, stream);
}

void prepare(const Shape& shape, const float* active, float* prepared, Stream stream) {
  launch<Prepare>(Prepare::blocks(shape), {shape, active, prepared}, stream);
}

std::int64_t draw_workspace(const Shape& shape) {
  const int splits = draw_splits(shape);
  return splits == 1 ? 0 : splits * field_size(shape);
}

void draw(const Shape& shape, const float* active, const float* prepared, float* workspace,
          float* field, Stream stream) {
  const int splits = draw_splits(shape);
  draw_parts(shape, active, prepared, splits == 1 ? field : workspace, stream);
  if (splits == 1) return;
  const std::int64_t count = field_size(shape);
  launch<SumSplits>((count + SumSplits::kThreads - 1) / SumSplits::kThreads,
                    {count, splits, workspace, field}, stream);
}

std::int64_t gradient_workspace(const Shape& shape) {
  const MomentGrid grid = moment_grid(shape);
  return moment_splits(shape) * (shape.channels / grid.group) * shape.batch * grid.values *
         shape.packets;
}

void gradient(const Shape& shape, const float* active, const float* prepared,
              const float* field_gradient, float* workspace, float* gradient, Stream stream) {
  const MomentParts parts = sum_moments(shape, active, prepared, field_gradient, workspace, stream);
  launch<GatherGradient>(GatherGradient::blocks(shape), {shape, parts, active, gradient}, stream);
}

std::int64_t lock_losses(const Shape& shape) {
  return LockLoss::blocks(field_size(shape));
}

void lock_step(const Shape& shape, const LockMemory& memory, const AdamSettings& adam,
               Stream stream) {
  const std::int64_t count = field_size(shape);
  draw_parts(shape, memory.active, memory.prepared, memory.draw_space, stream);
  launch<LockLoss>(LockLoss::blocks(count),
                   {count, draw_splits(shape), memory.draw_space, memory.target,
                    memory.field_gradient, memory.losses, memory.step},
                   stream);
  const MomentParts parts = sum_moments(shape, memory.active, memory.prepared,
                                        memory.field_gradient, memory.gradient_space, stream);
  launch<LockUpdate>(LockUpdate::blocks(shape), {shape, parts, memory, adam}, stream);
}

}  // namespace neurosplat::packet::cuda
