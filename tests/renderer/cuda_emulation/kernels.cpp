/// The launches of the CUDA renderer, their kernels run by the emulator. Linked instead of
/// src/renderer/packets/cuda/cuda_kernels.cu.
#include "emulator.h"
#include "renderer/packets/cuda/cuda_kernels.h"

namespace neurosplat::packet::cuda {
namespace {

template <class Kernel>
void launch(std::int64_t blocks, const typename Kernel::Arguments& given, Stream) {
  using Shared = typename Kernel::Shared;
  emulation::run(blocks, Kernel::kThreads, sizeof(Shared),
                 [&](void* shared) { Kernel::run(given, *static_cast<Shared*>(shared)); });
}

}  // namespace
}  // namespace neurosplat::packet::cuda

#include "renderer/packets/cuda/cuda_kernels-inl.cuh"
