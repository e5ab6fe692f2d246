#include "systems/splat_vae/halving_convolution.h"

#include <ATen/ATen.h>

namespace neurosplat {
namespace {

constexpr std::int64_t kKernel = 4, kStride = 2, kPadding = 1;
/// Side of the results up to which the product is faster.
constexpr std::int64_t kLargestFolded = 4;

}  // namespace

HalvingConv2dImpl::HalvingConv2dImpl(std::int64_t in, std::int64_t out)
    : torch::nn::Conv2dImpl(
          torch::nn::Conv2dOptions(in, out, kKernel).stride(kStride).padding(kPadding)) {}

at::Tensor HalvingConv2dImpl::forward(const at::Tensor& maps) {
  if (maps.size(0) == 1 || maps.size(2) > kLargestFolded * kStride ||
      maps.size(3) > kLargestFolded * kStride) {
    return torch::nn::Conv2dImpl::forward(maps);
  }
  // [B, h, w, C, 4, 4]: windows of maps whose channels lie last.
  const auto windows = at::constant_pad_nd(maps.permute({0, 2, 3, 1}),
                                           {0, 0, kPadding, kPadding, kPadding, kPadding})
                           .unfold(1, kKernel, kStride)
                           .unfold(2, kKernel, kStride);
  const auto rows = windows.permute({0, 1, 2, 4, 5, 3}).flatten(3);
  return at::linear(rows, weight.permute({0, 2, 3, 1}).flatten(1), bias).permute({0, 3, 1, 2});
}

}  // namespace neurosplat
