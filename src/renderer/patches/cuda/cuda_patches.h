#pragma once

#include <ATen/core/Tensor.h>

#include "neurosplat/renderer/patches/patches.h"

/// The CUDA patch renderer on tensors. In a build without CUDA the functions are there too, and
/// refuse.
namespace neurosplat::patches::cuda {

/// Whether this build holds the kernels. Says nothing about a device.
bool built();

/// Throws UsageError unless this build and its kernels serve the tensor: float32 on a CUDA device.
void require(const at::Tensor& splats);

/// As patches::render(), on the tensor's device and that device's current stream, without waiting
/// for either and with the same bits each time.
at::Tensor draw(const at::Tensor& splats, const Form& form);

}  // namespace neurosplat::patches::cuda
