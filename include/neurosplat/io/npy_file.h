#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>

namespace neurosplat {

/// Reads NumPy's .npy (format versions 1 to 3) into a CPU tensor of the file's own type: little-
/// endian float16, float32, float64, int16, int32, int64, or int8, uint8, bool, in C order. The
/// header is not trusted: magic, version, lengths, type, order, shape and size are checked against
/// the file before anything is allocated; Python objects are refused, no code is run.
/// Throws Error, one line.
at::Tensor read_npy(const std::filesystem::path& path);

}  // namespace neurosplat
