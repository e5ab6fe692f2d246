#pragma once

#include "emulator.h"

/// What stands for src/renderer/packets/cuda/launch.cuh.
namespace neurosplat::emulation {

template <class Kernel, class Stream>
void launch(std::int64_t blocks, const typename Kernel::Arguments& given, Stream) {
  using Shared = typename Kernel::Shared;
  run(blocks, Kernel::kThreads, sizeof(Shared),
      [&](void* shared) { Kernel::run(given, *static_cast<Shared*>(shared)); });
}

}  // namespace neurosplat::emulation
