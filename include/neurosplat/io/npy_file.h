#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>

#include "neurosplat/io/atomic_file.h"

namespace neurosplat {

/// Reads NumPy's .npy (format versions 1 to 3) into a CPU tensor of the file's own type: little-
/// endian float16, float32, float64, int16, int32, int64, or int8, uint8, bool, in C order. The
/// header is not trusted: magic, version, lengths, type, order, shape and size are checked against
/// the file before anything is allocated; Python objects are refused, no code is run.
/// Throws Error, one line.
at::Tensor read_npy(const std::filesystem::path& path);

/// A .npy file of float64 rows, [rows, columns], that grows; whole once it is committed, not there
/// otherwise. Not to a device: its header is written last.
class GrowingNpy {
 public:
  /// Throws Error where another writer has the file.
  GrowingNpy(const std::filesystem::path& path, std::int64_t columns);

  /// float64 [n, columns]. Throws UsageError for another shape.
  void append(const at::Tensor& rows);
  void commit();

 private:
  AtomicFile file_;
  std::int64_t columns_, rows_ = 0;
};

}  // namespace neurosplat
