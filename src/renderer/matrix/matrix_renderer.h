#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace neurosplat::matrix {

/// Linear field [B, C, H, W] of activated packets [B, N, 5 + 2C]: float32 on the CPU,
/// differentiable once. Working memory is a few pictures' factors, whatever the batch; the
/// backward pass writes the factors again, which costs less than keeping them.
at::Tensor field(const at::Tensor& packets, std::int64_t height, std::int64_t width);

}  // namespace neurosplat::matrix
