/// The launches of the CUDA patch renderer, their kernels run by the emulator. Linked instead of
/// src/renderer/patches/cuda/cuda_patch_kernels.cu.
#include "launch.h"
#include "renderer/patches/cuda/cuda_patch_kernels.h"

namespace neurosplat::patches::cuda {
using emulation::launch;
}  // namespace neurosplat::patches::cuda

#include "renderer/patches/cuda/cuda_patch_kernels-inl.cuh"
