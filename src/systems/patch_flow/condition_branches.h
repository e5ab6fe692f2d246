#pragma once

#include <torch/nn/module.h>
#include <torch/nn/modules/linear.h>

#include "neurosplat/systems/patch_flow/patch_flow.h"

namespace neurosplat {

/// From a condition to what it adds to the modulation of all blocks and of the head: linear, of
/// rank 64, with an offset, which tells a picture that is the mean of all from none.
struct ConditionBranchImpl : torch::nn::Module {
  ConditionBranchImpl(std::int64_t numbers, std::int64_t rows, std::int64_t width);

  /// [B, numbers] to [B, rows, width].
  at::Tensor forward(const at::Tensor& condition);

  std::int64_t width;
  torch::nn::Linear narrow, wide;
  at::Tensor mean, deviation;  ///< of the condition over the training pictures, kept for callers
};
TORCH_MODULE(ConditionBranch);

/// A branch for each condition that the architecture names; without any it has no weights.
struct ConditionBranchesImpl : torch::nn::Module {
  explicit ConditionBranchesImpl(const PatchFlowArchitecture& sizes);

  /// Branches that add nothing yet. After the layers' weights are drawn.
  void start();

  /// w_v A_v(c_v) + w_s A_s(c_s), [B, 6 depth + 2, width]: six rows a block, two of the head.
  /// Undefined without conditions; with them, their weights are defined.
  at::Tensor forward(const Conditions& conditions);

  ConditionBranch vision = nullptr, semantic = nullptr;
};
TORCH_MODULE(ConditionBranches);

}  // namespace neurosplat
