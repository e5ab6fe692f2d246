#include "renderer/matrix/matrix_kernels.h"

namespace neurosplat::matrix {

const Kernels& baseline_kernels();

#if defined(NEUROSPLAT_X86_KERNELS)

const Kernels& avx2_kernels();
const Kernels& avx512_kernels();

namespace {
const Kernels& best() {
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw")) {
    return avx512_kernels();
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return avx2_kernels();
  return baseline_kernels();
}
}  // namespace

#else

namespace {
const Kernels& best() {
  return baseline_kernels();
}
}  // namespace

#endif

const Kernels& kernels() {
  static const Kernels& chosen = best();
  return chosen;
}

}  // namespace neurosplat::matrix
