#pragma once

#include <ATen/core/Tensor.h>

#include "neurosplat/renderer/patches/patches.h"

/// The CPU renderer: blocks of pixels by the vector, nothing kept for the way back but the splats,
/// the picture and one number a pixel. float32 on the CPU, sizes checked by the caller.
namespace neurosplat::patches::fused {

/// Throws UsageError for numbers that render() does not take.
at::Tensor draw(const at::Tensor& splats, const Form& form);

}  // namespace neurosplat::patches::fused
