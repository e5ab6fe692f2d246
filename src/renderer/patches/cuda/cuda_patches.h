#pragma once

#include <ATen/core/Tensor.h>

#include "neurosplat/renderer/patches/patches.h"

/// The CUDA patch renderer on tensors: float32 on a CUDA device, which the caller has looked at
/// (renderer/cuda_functions.h).
namespace neurosplat::patches::cuda {

/// As patches::render(), on the tensor's device and that device's current stream, without waiting
/// for either and with the same bits each time.
at::Tensor draw(const at::Tensor& splats, const Form& form);

}  // namespace neurosplat::patches::cuda
