#include "renderer/packets/dense_renderer.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "neurosplat/renderer/packets/packet.h"

namespace neurosplat::packet::dense {
namespace {

/// One number of every packet, [B, N, 1, 1].
at::Tensor number(const at::Tensor& packets, int index) {
  return packets.select(2, index).unsqueeze(-1).unsqueeze(-1);
}

at::Tensor chunk_field(const at::Tensor& packets, const at::Tensor& u, const at::Tensor& v) {
  const auto dx = u - number(packets, packet::kX);
  const auto dy = v - number(packets, packet::kY);
  const auto width = number(packets, packet::kWidth);
  const auto angle = number(packets, packet::kOrientation);
  const auto along = dx * angle.cos() + dy * angle.sin();
  const auto phase = number(packets, packet::kFrequency) * along * packet::kTwoPi;
  const auto envelope = at::exp(-(dx * dx + dy * dy) / (2 * width * width));
  const auto a = packets.slice(2, packet::kCoefficients, packets.size(2), 2);
  const auto b = packets.slice(2, packet::kCoefficients + 1, packets.size(2), 2);
  return at::einsum("bnc,bnhw->bchw", {a, envelope * phase.cos()}) -
         at::einsum("bnc,bnhw->bchw", {b, envelope * phase.sin()});
}

}  // namespace

at::Tensor field(const at::Tensor& packets, std::int64_t height, std::int64_t width,
                 std::int64_t chunk) {
  const auto u = at::linspace(0, 1, width, packets.options()).view({1, 1, 1, width});
  const auto v = at::linspace(0, 1, height, packets.options()).view({1, 1, height, 1});
  at::Tensor sum;
  for (std::int64_t first = 0; first < packets.size(1); first += chunk) {
    const auto count = std::min(chunk, packets.size(1) - first);
    const auto part = chunk_field(packets.narrow(1, first, count), u, v);
    sum = sum.defined() ? sum + part : part;
  }
  return sum;
}

}  // namespace neurosplat::packet::dense
