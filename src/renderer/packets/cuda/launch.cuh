#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"

/// Launches of kernels that are written as a struct: Arguments, Shared, kThreads and
/// run(arguments, shared).
namespace neurosplat::packet::cuda {
namespace {

/// Shared memory that every device gives without being asked.
constexpr std::size_t kPlainShared = 48 * 1024;

void check(cudaError_t error, const char* what) {
  if (error == cudaSuccess) return;
  throw Error(text("CUDA: ", what, " failed: ", cudaGetErrorString(error)));
}

template <class Kernel>
__global__ void __launch_bounds__(Kernel::kThreads)
    run_kernel(const typename Kernel::Arguments given) {
  extern __shared__ __align__(16) unsigned char memory[];
  Kernel::run(given, *reinterpret_cast<typename Kernel::Shared*>(memory));
}

template <class Kernel>
void launch(std::int64_t blocks, const typename Kernel::Arguments& given, CUstream_st* stream) {
  constexpr std::size_t kBytes = sizeof(typename Kernel::Shared);
  if constexpr (kBytes > kPlainShared) {
    // Each time, since it is a setting of the current device; no device waits for it.
    check(cudaFuncSetAttribute(run_kernel<Kernel>, cudaFuncAttributeMaxDynamicSharedMemorySize,
                               static_cast<int>(kBytes)),
          "reserving shared memory");
  }
  run_kernel<Kernel><<<static_cast<unsigned>(blocks), Kernel::kThreads, kBytes, stream>>>(given);
  check(cudaGetLastError(), "a launch");
}

}  // namespace
}  // namespace neurosplat::packet::cuda
