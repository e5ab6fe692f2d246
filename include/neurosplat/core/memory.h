#pragma once

namespace neurosplat {

/// Has the process keep memory that it frees, to use it again. By default the C library returns
/// large blocks to the system at once, and each step of a training run pays for every page of its
/// tensors anew, an eighth of its processor time. Call once, before any work. Does nothing where
/// the C library is not glibc.
void keep_freed_memory();

}  // namespace neurosplat
