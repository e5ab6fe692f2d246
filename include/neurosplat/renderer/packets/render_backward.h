#pragma once

#include <ATen/core/Tensor.h>

#include "neurosplat/renderer/packets/renderer.h"

namespace neurosplat {

/// The gradient of a loss with respect to packets [B, N, 5 + 2C], from `picture_gradient`, the one
/// with respect to the pictures [B, C, height, width] that render(packets, height, width, options)
/// made. It is what autograd computes for render(), for those who keep the two passes apart, as a
/// registered operator does. `pictures` is read where options.output is sigmoid, and may else be
/// undefined. Runs on the packets' device; the dense renderer draws again. Throws UsageError as
/// render() does and for gradients or pictures of another shape, dtype or device.
at::Tensor render_backward(const at::Tensor& picture_gradient, const at::Tensor& packets,
                           const at::Tensor& pictures, const RenderOptions& options = {});

}  // namespace neurosplat
