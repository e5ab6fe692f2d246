#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace neurosplat::patches {

/// Largest magnitude of a splat's number that the CPU renderers take.
inline constexpr double kLargestNumber = 1e6;

/// Throws UsageError unless the tensor is [B, rows, columns, S, 9] of float32 or float64.
void check_tensor(const at::Tensor& splats);

/// Throws refuse()'s error for the first number that render() does not take, if there is one. The
/// fused renderer finds out as it reads them.
void check_numbers(const at::Tensor& splats);

/// Throws the UsageError that names number `place` of contiguous splats [B, rows, columns, S, 9].
[[noreturn]] void refuse(const at::Tensor& splats, std::int64_t place);

}  // namespace neurosplat::patches
