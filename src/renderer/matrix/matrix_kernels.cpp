#include "renderer/matrix/matrix_kernels.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "neurosplat/packet/packet.h"

namespace neurosplat::matrix {

namespace baseline {
#include "renderer/matrix/matrix_kernels-inl.h"
constexpr Kernels kKernels{write_factors, gather_gradient, "baseline"};
}  // namespace baseline

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)

#pragma GCC push_options
#pragma GCC target("avx2,fma")
namespace avx2 {
#include "renderer/matrix/matrix_kernels-inl.h"
constexpr Kernels kKernels{write_factors, gather_gradient, "AVX2"};
}  // namespace avx2
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("avx512f,avx512vl,avx512dq,avx512bw,avx2,fma,prefer-vector-width=512")
namespace avx512 {
#include "renderer/matrix/matrix_kernels-inl.h"
constexpr Kernels kKernels{write_factors, gather_gradient, "AVX-512"};
}  // namespace avx512
#pragma GCC pop_options

namespace {
const Kernels& best() {
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw")) {
    return avx512::kKernels;
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return avx2::kKernels;
  return baseline::kKernels;
}
}  // namespace

#else

namespace {
const Kernels& best() {
  return baseline::kKernels;
}
}  // namespace

#endif

const Kernels& kernels() {
  static const Kernels& chosen = best();
  return chosen;
}

}  // namespace neurosplat::matrix
