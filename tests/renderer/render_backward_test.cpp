// render_backward() against autograd through the dense sum in double precision.
#include "neurosplat/renderer/packets/render_backward.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <string>

#include "neurosplat/core/error.h"

namespace neurosplat {
namespace {

at::Tensor numbers(at::IntArrayRef sizes, std::uint64_t seed) {
  return at::randn(sizes, at::make_generator<at::CPUGeneratorImpl>(seed), at::kDouble);
}

at::Tensor expected_gradient(const at::Tensor& weights, const at::Tensor& packets,
                             RenderOptions options) {
  options.renderer = RendererKind::dense;
  const auto leaf = packets.to(at::kDouble).requires_grad_(true);
  const auto drawn = render(leaf, weights.size(2), weights.size(3), options);
  return torch::autograd::grad({drawn}, {leaf}, {weights})[0];
}

double difference(const at::Tensor& found, const at::Tensor& expected) {
  return ((found.to(at::kDouble) - expected).norm() / expected.norm()).item<double>();
}

TEST(RenderBackward, IsTheGradientOfTheDenseSum) {
  const auto raw = numbers({3, 80, 11}, 1), weights = numbers({3, 3, 40, 56}, 2);
  for (const auto form : {PacketForm::raw, PacketForm::activated}) {
    for (const auto output : {Output::sigmoid, Output::linear}) {
      const RenderOptions options{.form = form, .output = output};
      const auto packets = form == PacketForm::raw ? raw : activate_packets(raw);
      const auto single = packets.to(at::kFloat);
      const auto drawn = render(single, 40, 56, options);
      const auto expected = expected_gradient(weights, packets, options);
      EXPECT_LT(
          difference(render_backward(weights.to(at::kFloat), single, drawn, options), expected),
          1e-5);
      const auto precise = render(packets, 40, 56, options);
      EXPECT_LT(difference(render_backward(weights, packets, precise, options), expected), 1e-12);
    }
  }
}

TEST(RenderBackward, RefusesWhatDoesNotBelongTogether) {
  const auto packets = numbers({2, 5, 11}, 1).to(at::kFloat);
  const auto drawn = render(packets, 8, 8);
  const auto refusal = [&](const at::Tensor& gradient, const at::Tensor& pictures) -> std::string {
    try {
      static_cast<void>(render_backward(gradient, packets, pictures));
    } catch (const UsageError& error) {
      return error.what();
    }
    return "none";
  };
  EXPECT_EQ(refusal(drawn, drawn), "none");
  EXPECT_TRUE(
      refusal(drawn[0], drawn).starts_with("picture_gradient: expected [2, 3, height, width]"));
  EXPECT_TRUE(refusal(drawn.to(at::kDouble), drawn).starts_with("picture_gradient: expected"));
  EXPECT_TRUE(refusal({}, drawn).starts_with("picture_gradient: expected"));
  EXPECT_TRUE(refusal(drawn, {}).starts_with("pictures: expected"));
  EXPECT_TRUE(
      refusal(drawn, drawn.slice(3, 0, 4)).starts_with("pictures: expected the gradient's shape"));
}

}  // namespace
}  // namespace neurosplat
