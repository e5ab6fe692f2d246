#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

/// See README.md. Tensors of float32, or bfloat16 where a product under autocast gave them, on the
/// CPU, with channels that fill vectors, take the fused passes; all others the eager ones.
/// Gradients reach every tensor but a rotation; there are no second ones.
namespace neurosplat::tokens {

/// Cosines and sines that turn pairs of a head's channels, each [T, channels / 2].
struct Rotation {
  at::Tensor cosine, sine;
};

/// [B, heads, T, channels] each.
struct HeadParts {
  at::Tensor query, key, value;
};

/// x / rms(x) * (1 + scale) + shift over the channels: x [B, T, C], scale and shift [B, C]. Of the
/// type that the next product takes: bfloat16 under autocast.
at::Tensor modulated(const at::Tensor& x, const at::Tensor& scale, const at::Tensor& shift);

/// x + gate * y: x and y [B, T, C], gate [B, C].
at::Tensor gated_sum(const at::Tensor& x, const at::Tensor& gate, const at::Tensor& y);

/// Of joined queries, keys and values, [B, T, 3 * heads * channels]. Queries and keys are divided
/// by their rms, multiplied by scales [2, channels] and turned.
HeadParts head_parts(const at::Tensor& joined, const at::Tensor& scales, const Rotation& rotation);

/// a sigmoid(a) b of joined [B, T, 2 C] halves a, b.
at::Tensor swiglu(const at::Tensor& joined);

namespace eager {

at::Tensor modulated(const at::Tensor& x, const at::Tensor& scale, const at::Tensor& shift);
at::Tensor gated_sum(const at::Tensor& x, const at::Tensor& gate, const at::Tensor& y);
HeadParts head_parts(const at::Tensor& joined, const at::Tensor& scales, const Rotation& rotation);
at::Tensor swiglu(const at::Tensor& joined);

}  // namespace eager

}  // namespace neurosplat::tokens
