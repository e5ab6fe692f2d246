#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "neurosplat/renderer/packets/renderer.h"

namespace neurosplat::packet::matrix {

/// What render() returns, for float32 on the CPU; differentiable once. Working memory is that of
/// as many pictures as there are threads, whatever the batch; the backward pass writes the factors
/// again, which costs less than keeping them.
at::Tensor draw(const at::Tensor& packets, std::int64_t height, std::int64_t width,
                const RenderOptions& options);

/// What draw()'s backward pass returns: render_backward() for what draw() serves.
at::Tensor gradient(const at::Tensor& picture_gradient, const at::Tensor& packets,
                    const at::Tensor& pictures, const RenderOptions& options);

}  // namespace neurosplat::packet::matrix
