/// The launches of the CUDA renderer, their kernels run by the emulator. Linked instead of
/// src/renderer/packets/cuda/cuda_kernels.cu.
#include "launch.h"
#include "renderer/packets/cuda/cuda_kernels.h"

namespace neurosplat::packet::cuda {
using emulation::launch;
}  // namespace neurosplat::packet::cuda

#include "renderer/packets/cuda/cuda_kernels-inl.cuh"
