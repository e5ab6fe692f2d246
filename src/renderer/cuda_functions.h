#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "neurosplat/renderer/patches/patches.h"

/// The CUDA renderers, as the rest of the module sees them: behind a table, so that the library
/// that holds them, and what it links, is opened when the first tensor on a GPU comes.
namespace neurosplat::cuda {

/// What packets/cuda/cuda_renderer.h and patches/cuda/cuda_patches.h say. The tensors must be what
/// require() lets through.
struct Functions {
  at::Tensor (*field)(const at::Tensor& packets, std::int64_t height, std::int64_t width);
  at::Tensor (*activate_packets)(const at::Tensor& raw);
  at::Tensor (*field_gradient)(const at::Tensor& packets, const at::Tensor& field_gradient);
  at::Tensor (*activation_gradient)(const at::Tensor& raw, const at::Tensor& active_gradient);
  at::Tensor (*draw_patches)(const at::Tensor& splats, const patches::Form& form);
};

/// Whether this build has the kernels and they serve the tensor: float32 on a CUDA device.
bool serves(const at::Tensor& tensor);

/// Throws UsageError unless serves(). `name` is the tensor's in messages, `other` the renderer that
/// would serve it.
void require(const at::Tensor& tensor, const char* name, const char* other);

/// Throws LibraryMissing.
const Functions& functions();

}  // namespace neurosplat::cuda
