#pragma once

#include <ATen/core/Tensor.h>

namespace neurosplat {

/// Retina, prior and phase-locked picture, float [3, S, S] each, doubled to 2S by nearest
/// neighbour and put side by side: float [3, 2S, 6S] on the CPU.
at::Tensor lock_panels(const at::Tensor& retina, const at::Tensor& prior, const at::Tensor& locked);

}  // namespace neurosplat
