// The launches of cuda_patch_kernels.h in terms of launch<Kernel>(blocks, arguments, stream), which
// the file that includes this one has defined in namespace neurosplat::patches::cuda.

#include <limits>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "renderer/patches/cuda/draw.cuh"
#include "renderer/patches/cuda/gradient.cuh"

namespace neurosplat::patches::cuda {
namespace {

/// Calls work with the device kernel of the splat's kernel.
template <template <Kernel> class Device, class Work>
void with_kernel(Kernel kernel, const Work& work) {
  switch (kernel) {
    case Kernel::kExponential:
      return work(Device<Kernel::kExponential>());
    case Kernel::kCosine:
      return work(Device<Kernel::kCosine>());
    case Kernel::kSharp:
      return work(Device<Kernel::kSharp>());
    case Kernel::kSharpPost:
      return work(Device<Kernel::kSharpPost>());
  }
}

}  // namespace

void check_size(const Shape& shape) {
  constexpr double kMostBlocks = std::numeric_limits<std::int32_t>::max();
  const double tiles = static_cast<double>(shape.batch) * shape.rows * shape.columns;
  const double side = shape.tile;
  const double parts = side * side / 64 + 1, groups = shape.splats / 16.0 + 1;
  if (tiles * parts < kMostBlocks && tiles * groups < kMostBlocks && side < 32768) return;
  throw UsageError(text("splats: expected fewer than ", kMostBlocks, " blocks of work, got ", tiles,
                        " tiles of ", shape.tile, " pixels a side and ", shape.splats,
                        " splats: draw them in parts"));
}

void draw(const Shape& shape, const float* splats, float* pixels, float* weights, Stream stream) {
  with_kernel<Draw>(shape.kernel, [&](auto kernel) {
    using Device = decltype(kernel);
    launch<Device>(Device::blocks(shape), {shape, splats, pixels, weights}, stream);
  });
}

void gradient(const Shape& shape, const float* splats, const float* pixels, const float* weights,
              const float* pixel_gradient, float* splat_gradient, Stream stream) {
  with_kernel<Gradient>(shape.kernel, [&](auto kernel) {
    using Device = decltype(kernel);
    launch<Device>(Device::blocks(shape),
                   {shape, splats, pixels, weights, pixel_gradient, splat_gradient}, stream);
  });
}

}  // namespace neurosplat::patches::cuda
