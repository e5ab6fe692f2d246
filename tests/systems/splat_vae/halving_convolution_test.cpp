#include "systems/splat_vae/halving_convolution.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <vector>

namespace neurosplat {
namespace {

at::Tensor normal(at::IntArrayRef sizes, std::uint64_t seed) {
  return at::randn(sizes, at::detail::createCPUGenerator(seed), at::kDouble);
}

/// Result and gradients of maps, weight and bias.
std::vector<at::Tensor> outcome(const at::Tensor& result, const std::vector<at::Tensor>& leaves) {
  (result * normal(result.sizes(), 9)).sum().backward();
  std::vector<at::Tensor> all = {result.detach()};
  for (const auto& leaf : leaves) all.push_back(leaf.grad());
  return all;
}

class HalvingConvolution : public ::testing::TestWithParam<std::vector<std::int64_t>> {};

// Of LibTorch in double precision, at whatever size and layout.
TEST_P(HalvingConvolution, IsAConvolution) {
  HalvingConv2d layer(3, 5);
  layer->to(at::kDouble);
  {
    const at::NoGradGuard no_gradient;
    layer->weight.copy_(normal({5, 3, 4, 4}, 1));
    layer->bias.copy_(normal({5}, 2));
  }
  for (const auto layout : {at::MemoryFormat::Contiguous, at::MemoryFormat::ChannelsLast}) {
    layer->zero_grad();
    const auto maps = normal(GetParam(), 3).contiguous(layout).requires_grad_();
    const auto found = outcome(layer->forward(maps), {maps, layer->weight, layer->bias});
    std::vector<at::Tensor> leaves;
    for (const auto& one : {maps, layer->weight, layer->bias}) {
      leaves.push_back(one.detach().clone().requires_grad_());
    }
    const auto expected = outcome(at::conv2d(leaves[0], leaves[1], leaves[2], 2, 1), leaves);
    for (std::size_t i = 0; i < found.size(); ++i) {
      ASSERT_EQ(found[i].sizes(), expected[i].sizes());
      EXPECT_LT((found[i] - expected[i]).abs().max().item<double>(), 1e-12) << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Sizes, HalvingConvolution,
                         ::testing::Values(std::vector<std::int64_t>{3, 3, 8, 8},
                                           std::vector<std::int64_t>{2, 3, 8, 6},
                                           std::vector<std::int64_t>{2, 3, 5, 7},
                                           std::vector<std::int64_t>{2, 3, 10, 8},
                                           std::vector<std::int64_t>{1, 3, 8, 8}));

}  // namespace
}  // namespace neurosplat
