#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace neurosplat {

/// Packets collapsed to a bright dot, counted over all pictures: width s' below 0.02 of the canvas
/// side and amplitude sqrt(a^2 + b^2) above 0.8 in any channel. raw: [B, N, 5 + 2C].
/// docs/neuro-splat.md, "Floaters".
std::int64_t floaters(const at::Tensor& raw);
/// The same of activated packets [..., 5 + 2C], whatever their amplitudes.
std::int64_t floaters_of_activated(const at::Tensor& packets);

/// What a floater does, where amplitudes are not held within 1 and being small and loud says
/// little: packets [N, 5 + 2C] (activated) with an amplitude above 0.8 without which their picture
/// would be nearer to `target` [C, H, W]. Both on the CPU, float32. Our derivation (docs/lock.md).
std::int64_t spurious_packets(const at::Tensor& packets, const at::Tensor& target);

}  // namespace neurosplat
