#pragma once

#include <torch/nn/modules/conv.h>

namespace neurosplat {

/// The encoder's convolution: kernel 4, stride 2, padding 1. Of a batch whose results are smaller
/// than 5 x 5 it is one matrix product over copied windows, which takes three fifths of oneDNN's
/// time there (its gradient of the weights has few pixels to share); torch.nn.Conv2d's for all
/// else. To rounding the same numbers, the same weights under the same names.
class HalvingConv2dImpl : public torch::nn::Conv2dImpl {
 public:
  HalvingConv2dImpl(std::int64_t in, std::int64_t out);
  at::Tensor forward(const at::Tensor& maps);
};
TORCH_MODULE(HalvingConv2d);

}  // namespace neurosplat
