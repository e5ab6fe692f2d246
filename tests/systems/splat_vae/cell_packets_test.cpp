#include "systems/splat_vae/cell_packets.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <cmath>

#include "neurosplat/renderer/packets/packet.h"
#include "neurosplat/renderer/packets/renderer.h"

namespace neurosplat {
namespace {

constexpr std::int64_t kPackets = 18, kSide = 32;

/// What each coefficient of the first colour adds to the field, from pictures that the dense
/// renderer draws with that one alone: [2N, 1024]. At 32 pixels nothing is above the band.
at::Tensor drawn_basis(const at::Tensor& silent) {
  auto raw = silent.expand({2 * kPackets, kPackets, 11}).clone();
  for (std::int64_t number = 0; number < 2 * kPackets; ++number) {
    raw[number][number / 2][packet::kCoefficients + number % 2] = std::atanh(0.5);
  }
  const auto pictures = render(raw, kSide, kSide, {.renderer = RendererKind::dense});
  return pictures.select(1, 0).flatten(1).to(at::kDouble).logit() / 0.5;
}

// Regularised least squares on pictures of the renderer.
TEST(CellPackets, CoefficientsAreTheLeastSquaresOfTheField) {
  const CellPackets packets(kPackets, kSide);
  const auto basis = drawn_basis(packets->forward(at::zeros({1, 3, kSide, kSide})));
  auto normal = at::matmul(basis, basis.t());
  normal.diagonal().add_(0.03 * normal.diagonal().mean().item<double>());
  const auto field = at::randn({1, 3, kSide, kSide}, at::detail::createCPUGenerator(2), at::kFloat);
  const auto expected =
      at::linalg_solve(normal, at::matmul(basis, field[0][0].flatten().to(at::kDouble)));
  ASSERT_GT(expected.abs().max().item<double>(), 0.1);
  ASSERT_LT(expected.abs().max().item<double>(), 0.9);
  const auto raw = packets->forward(field)[0].slice(1, packet::kCoefficients).slice(1, 0, 2);
  const auto drawn = raw.tanh().flatten().to(at::kDouble);
  EXPECT_LT((drawn - expected).abs().max().item<double>(), 1e-3);
}

// Beyond what can be drawn the raw number goes on with the slope it had, so a gradient remains.
TEST(CellPackets, LoudFieldsStayFiniteWithAGradient) {
  const CellPackets packets(kPackets, kSide);
  const auto field = at::full({1, 3, kSide, kSide}, 50.0).requires_grad_();
  const auto raw = packets->forward(field);
  EXPECT_TRUE(raw.isfinite().all().item<bool>());
  raw.sum().backward();
  EXPECT_GT(field.grad().abs().max().item<double>(), 0);
}

}  // namespace
}  // namespace neurosplat
