#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace neurosplat::patches {

/// Largest magnitude of a splat's number that the CPU renderers take.
inline constexpr double kLargestNumber = 1e6;

/// Throws the UsageError that names number `place` of contiguous splats [B, rows, columns, S, 9].
[[noreturn]] void refuse(const at::Tensor& splats, std::int64_t place);

}  // namespace neurosplat::patches
