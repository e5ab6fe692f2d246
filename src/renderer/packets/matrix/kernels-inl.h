// All loops, compiled for one instruction set. The file that includes this says how wide a vector
// is (NEUROSPLAT_LANES), how many rows a tile of the product keeps in registers (NEUROSPLAT_ROWS)
// and what its table is called (NEUROSPLAT_SET), and is compiled for it; see neurosplat/simd.

#include <cstdint>

#include "neurosplat/renderer/packets/packet.h"
#include "renderer/packets/matrix/matrix_kernels.h"

namespace neurosplat::packet::matrix {
namespace {

constexpr int kLanes = NEUROSPLAT_LANES;

using simd::Product;

// Each file needs the one before it.
// clang-format off
#include "neurosplat/simd/vector_math-inl.h"
#include "neurosplat/simd/product-inl.h"
#include "renderer/packets/matrix/factors-inl.h"
#include "renderer/packets/matrix/gradient-inl.h"
#include "renderer/packets/matrix/squash-inl.h"
// clang-format on

}  // namespace

const Kernels& NEUROSPLAT_SET() {
  static constexpr Kernels kKernels{activate, draw_block, block_gradient, activation_gradient,
                                    product,  squash,     squash_gradient};
  return kKernels;
}

}  // namespace neurosplat::packet::matrix
