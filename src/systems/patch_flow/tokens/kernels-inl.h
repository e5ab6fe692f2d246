// All loops, compiled for one instruction set (see neurosplat/simd).

#include <cstddef>
#include <cstdint>

#include "systems/patch_flow/tokens/token_kernels.h"

namespace neurosplat::tokens {
namespace {

constexpr int kLanes = NEUROSPLAT_LANES;

// Each file needs the one before it.
// clang-format off
#include "neurosplat/simd/vector_math-inl.h"
#include "systems/patch_flow/tokens/numbers-inl.h"
#include "systems/patch_flow/tokens/rows-inl.h"
#include "systems/patch_flow/tokens/heads-inl.h"
// clang-format on

template <class Number>
constexpr Passes<Number> passes() {
  return {modulate<Number>, modulate_back<Number>, gated_sum<Number>, gated_sum_back<Number>,
          heads<Number>,    heads_back<Number>,    swiglu<Number>,    swiglu_back<Number>};
}

}  // namespace

const Kernels& NEUROSPLAT_SET() {
  static constexpr Kernels kKernels{passes<float>(), passes<BFloat16>()};
  return kKernels;
}

}  // namespace neurosplat::tokens
