#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

/// The CUDA renderer on tensors: float32 on a CUDA device, which the caller has looked at
/// (renderer/cuda_functions.h).
namespace neurosplat::packet::cuda {

/// Linear field [B, C, H, W] of activated packets [B, N, 5 + 2C], differentiable once. Runs on the
/// tensor's device and that device's current stream, never waits for either, gives the same bits
/// each time and may be captured in a graph. Working memory beside the result: 10 floats a packet,
/// and a few copies of a small batch's field. A NaN or infinity among a packet's numbers makes its
/// picture NaN. Throws UsageError for sizes beyond a grid.
at::Tensor field(const at::Tensor& packets, std::int64_t height, std::int64_t width);

/// Raw packets [B, N, 5 + 2C] to activated ones, in one launch; as field() otherwise.
at::Tensor activate_packets(const at::Tensor& raw);

/// What the backward passes of the two return: gradients with respect to activated packets and to
/// raw ones, from those with respect to the field and to activated packets.
at::Tensor field_gradient(const at::Tensor& packets, const at::Tensor& field_gradient);
at::Tensor activation_gradient(const at::Tensor& raw, const at::Tensor& active_gradient);

}  // namespace neurosplat::packet::cuda
