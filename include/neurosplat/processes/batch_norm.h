#pragma once

#include <torch/nn/modules/batchnorm.h>

namespace neurosplat::processes {

/// torch::nn::BatchNorm2d whose statistics in training are those of the rows of all processes
/// (Ioffe and Szegedy 2015; synchronised as in torch.nn.SyncBatchNorm). Collective in training,
/// also its backward pass. One process alone computes what the original does.
class BatchNorm2dImpl : public torch::nn::BatchNorm2dImpl {
 public:
  using torch::nn::BatchNorm2dImpl::BatchNorm2dImpl;
  at::Tensor forward(const at::Tensor& maps);
};
TORCH_MODULE(BatchNorm2d);

}  // namespace neurosplat::processes
