// All loops, compiled for one instruction set. The file that includes this says how wide a vector
// is (NEUROSPLAT_LANES) and what its table is called (NEUROSPLAT_SET), and is compiled for it; see
// neurosplat/simd.

#include <cstdint>

#include "neurosplat/renderer/patches/patch.h"
#include "renderer/patches/fused/patch_kernels.h"

namespace neurosplat::patches::fused {
namespace {

constexpr int kLanes = NEUROSPLAT_LANES;

// Each file needs the one before it.
// clang-format off
#include "neurosplat/simd/vector_math-inl.h"
#include "renderer/patches/fused/block-inl.h"
#include "renderer/patches/fused/near-inl.h"
#include "renderer/patches/fused/draw-inl.h"
#include "renderer/patches/fused/gradient-inl.h"
// clang-format on

}  // namespace

const Kernels& NEUROSPLAT_SET() {
  static constexpr Kernels kKernels{pack, draw, gradient};
  return kKernels;
}

}  // namespace neurosplat::patches::fused
