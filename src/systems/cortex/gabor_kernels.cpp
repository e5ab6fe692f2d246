#include "systems/cortex/gabor_kernels.h"

#include <cmath>

namespace neurosplat::gabor {

namespace baseline {
#include "systems/cortex/gabor_kernels-inl.h"
}  // namespace baseline

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)

#pragma GCC push_options
#pragma GCC target("avx2,fma")
namespace avx2 {
#include "systems/cortex/gabor_kernels-inl.h"
}  // namespace avx2
#pragma GCC pop_options

namespace {
template <class Real>
const Kernels<Real>& best() {
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return avx2::kKernels<Real>;
  return baseline::kKernels<Real>;
}
}  // namespace

#else

namespace {
template <class Real>
const Kernels<Real>& best() {
  return baseline::kKernels<Real>;
}
}  // namespace

#endif

template <class Real>
const Kernels<Real>& kernels() {
  static const Kernels<Real>& chosen = best<Real>();
  return chosen;
}

template const Kernels<float>& kernels<float>();
template const Kernels<double>& kernels<double>();

}  // namespace neurosplat::gabor
