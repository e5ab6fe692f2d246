#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

/// Runs blocks of a kernel on the processor: every thread is a fiber, and what the kernel asks of
/// the machine (src/renderer/packets/cuda/device.cuh) is answered here, matrix fragments by the PTX
/// ISA's layout. Warps run as far ahead of each other as the barriers let them, in random order,
/// and shared memory starts as NaN, so that a missing barrier gives wrong numbers.
///
/// Throws std::logic_error when the threads of a warp or block wait at different places or leave
/// some of their number waiting, when a matrix operand is not in TF32, and when a kernel reads
/// beyond a tile.
namespace neurosplat::emulation {

/// body(shared) is what one thread does; `shared_bytes` of memory are the block's.
void run(std::int64_t blocks, int threads, std::size_t shared_bytes,
         const std::function<void(void*)>& body);

/// Matrix products done since the start of the program, warp by warp.
std::int64_t matrix_products();

/// Chooses another order of the warps.
void set_seed(std::uint64_t seed);

}  // namespace neurosplat::emulation
