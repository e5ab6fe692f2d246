#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

#include "neurosplat/renderer/packets/renderer.h"

/// What the benchmarks time: drawing a batch of raw packets, and drawing it and going back.
namespace neurosplat::benchmarks {

struct Shape {
  std::int64_t batch, packets, height, width;
};

/// An implementation on a device, under the name that tables use.
struct Implementation {
  std::string name;
  RendererKind kind;
  at::Device device;
};

/// Standard normal raw numbers of seed 1.
at::Tensor random_packets(const Shape& shape, const at::Device& device);

/// The picture, without gradients. Returns when the device is done.
void draw(const Implementation& implementation, const at::Tensor& packets, const Shape& shape);

/// The picture and the gradient of its mean square with respect to the packets. The dense sum's
/// graph grows with B * N * H * W, about 50 bytes each; where it would not fit, a fixed gradient of
/// the field is taken back through 64 packets at a time: the same sums, exponentials and
/// derivatives, each once, without the sigmoid.
void draw_and_go_back(const Implementation& implementation, const at::Tensor& packets,
                      const Shape& shape);

/// Whether draw_and_go_back() takes packets in parts.
bool goes_in_parts(const Implementation& implementation, const Shape& shape);

}  // namespace neurosplat::benchmarks
