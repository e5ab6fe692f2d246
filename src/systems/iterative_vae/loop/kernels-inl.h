// All loops, compiled for one instruction set (see neurosplat/simd).

#include <cstdint>

#include "systems/iterative_vae/loop/loop_kernels.h"

namespace neurosplat::ivae {
namespace {

constexpr int kLanes = NEUROSPLAT_LANES;

using simd::Product;
using simd::RandomKey;

// Each file needs the one before it.
// clang-format off
#include "neurosplat/simd/vector_math-inl.h"
#include "neurosplat/simd/random-inl.h"
#include "neurosplat/simd/product-inl.h"
#include "systems/iterative_vae/loop/poisson-inl.h"
#include "systems/iterative_vae/loop/gaussian-inl.h"
#include "systems/iterative_vae/loop/residual-inl.h"
// clang-format on

}  // namespace

const Kernels& NEUROSPLAT_SET() {
  static constexpr Kernels kKernels{
      poisson_sample,  poisson_step,  poisson_back,  poisson_kl,  poisson_first_back,
      gaussian_sample, gaussian_step, gaussian_back, gaussian_kl, gaussian_first_back,
      residual,        residual_back, product};
  return kKernels;
}

}  // namespace neurosplat::ivae
