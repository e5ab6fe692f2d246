#pragma once

#include <cstdint>

namespace neurosplat {

/// Has the process keep memory that it frees, to use it again. By default the C library returns
/// large blocks to the system at once, and each step of a training run pays for every page of its
/// tensors anew, an eighth of its processor time. Call once, before any work. Does nothing where
/// the C library is not glibc.
void keep_freed_memory();

/// Bytes that the system says can be had without swapping, no more than the process's control
/// group leaves it; as many as can be counted where neither is known.
std::uint64_t available_memory();

}  // namespace neurosplat
