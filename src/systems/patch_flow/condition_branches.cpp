#include "systems/patch_flow/condition_branches.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

namespace neurosplat {
namespace {

namespace nn = torch::nn;

/// Numbers of a condition go together: most of what they say fits in so many.
constexpr std::int64_t kRank = 64;

}  // namespace

ConditionBranchImpl::ConditionBranchImpl(std::int64_t numbers, std::int64_t rows,
                                         std::int64_t channels)
    : width(channels),
      narrow(register_module("narrow", nn::Linear(nn::LinearOptions(numbers, kRank).bias(false)))),
      wide(register_module("wide", nn::Linear(kRank, rows * channels))),
      mean(register_buffer("mean", at::zeros({numbers}))),
      deviation(register_buffer("deviation", at::ones({numbers}))) {}

at::Tensor ConditionBranchImpl::forward(const at::Tensor& condition) {
  return wide(narrow(condition)).unflatten(1, {-1, width});
}

ConditionBranchesImpl::ConditionBranchesImpl(const PatchFlowArchitecture& sizes) {
  const auto rows = 6 * sizes.depth + 2;
  if (sizes.vision_size() > 0) {
    vision = register_module("vision", ConditionBranch(sizes.vision_size(), rows, sizes.width));
  }
  if (sizes.semantic_size() > 0) {
    semantic =
        register_module("semantic", ConditionBranch(sizes.semantic_size(), rows, sizes.width));
  }
}

void ConditionBranchesImpl::start() {
  const at::NoGradGuard no_gradient;
  for (const auto& branch : {vision, semantic}) {
    if (branch.is_empty()) continue;
    branch->wide->weight.zero_();
    branch->wide->bias.zero_();
  }
}

at::Tensor ConditionBranchesImpl::forward(const Conditions& conditions) {
  const auto weight = [&](std::int64_t column) {
    return conditions.weights.narrow(1, column, 1).unsqueeze(-1);
  };
  at::Tensor sum;
  if (conditions.vision.defined()) sum = weight(0) * vision(conditions.vision);
  if (conditions.semantic.defined()) {
    const auto part = weight(1) * semantic(conditions.semantic);
    sum = sum.defined() ? sum + part : part;
  }
  return sum;
}

}  // namespace neurosplat
