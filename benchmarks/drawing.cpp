#include "drawing.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <algorithm>

namespace neurosplat::benchmarks {
namespace {

constexpr std::int64_t kPart = 64;  // packets
/// Packets times pixels whose dense graph takes some 3 GiB.
constexpr std::int64_t kWholeGraph = std::int64_t{1} << 26;

void wait_for(const at::Device& device) {
  if (device.is_cpu()) return;
  c10::impl::VirtualGuardImpl(device.type()).synchronizeDevice(device.index());
}

void go_back_in_parts(const Implementation& implementation, const at::Tensor& packets,
                      const Shape& shape) {
  const auto raw = packets.detach().requires_grad_();
  const auto activated = activate_packets(raw);
  const auto leaf = activated.detach().requires_grad_();
  const auto given = at::ones({shape.batch, 3, shape.height, shape.width}, packets.options());
  for (std::int64_t first = 0; first < shape.packets; first += kPart) {
    const auto part = leaf.narrow(1, first, std::min(kPart, shape.packets - first));
    const auto field = render(part, shape.height, shape.width,
                              {.form = PacketForm::activated,
                               .output = Output::linear,
                               .renderer = implementation.kind,
                               .chunk = kPart});
    field.backward(given);
  }
  activated.backward(leaf.grad());
}

}  // namespace

at::Tensor random_packets(const Shape& shape, const at::Device& device) {
  return at::randn({shape.batch, shape.packets, 11}, at::detail::createCPUGenerator(1), at::kFloat)
      .to(device);
}

void draw(const Implementation& implementation, const at::Tensor& packets, const Shape& shape) {
  const at::NoGradGuard no_gradient;
  render(packets, shape.height, shape.width, {.renderer = implementation.kind});
  wait_for(implementation.device);
}

bool goes_in_parts(const Implementation& implementation, const Shape& shape) {
  return implementation.kind == RendererKind::dense &&
         shape.batch * shape.packets * shape.height * shape.width > kWholeGraph;
}

void draw_and_go_back(const Implementation& implementation, const at::Tensor& packets,
                      const Shape& shape) {
  if (goes_in_parts(implementation, shape)) {
    go_back_in_parts(implementation, packets, shape);
  } else {
    const auto raw = packets.detach().requires_grad_();
    render(raw, shape.height, shape.width, {.renderer = implementation.kind})
        .square()
        .mean()
        .backward();
  }
  wait_for(implementation.device);
}

}  // namespace neurosplat::benchmarks
