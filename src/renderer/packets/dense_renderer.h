#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace neurosplat::packet::dense {

/// Linear field [B, C, H, W] of activated packets, summed packet by packet over every pixel with
/// eager tensors, `chunk` packets at a time: slow, plain, any float dtype and device,
/// differentiable through its operators. The oracle of the other renderers.
at::Tensor field(const at::Tensor& packets, std::int64_t height, std::int64_t width,
                 std::int64_t chunk);

}  // namespace neurosplat::packet::dense
