#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>

namespace neurosplat {

/// Reads an IDX file (MNIST's format: a big-endian header, then the numbers row by row), plain or
/// compressed by gzip: unsigned bytes of 1 to 4 dimensions, as uint8 on the CPU. The header is not
/// trusted: mark, type and sizes (none 0, at most 1 GiB in all) are checked before anything is
/// allocated, and what the file holds must be that long exactly. Throws Error, one line.
at::Tensor read_idx(const std::filesystem::path& path);

}  // namespace neurosplat
