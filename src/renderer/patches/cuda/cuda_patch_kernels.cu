#include "renderer/patches/cuda/cuda_patch_kernels.h"

#include "renderer/packets/cuda/launch.cuh"

namespace neurosplat::patches::cuda {
using packet::cuda::launch;
}  // namespace neurosplat::patches::cuda

#include "renderer/patches/cuda/cuda_patch_kernels-inl.cuh"
