#pragma once

#include <torch/nn/module.h>

#include <cstdint>
#include <memory>

#include "neurosplat/systems/patch_flow/patch_flow.h"

namespace neurosplat {

/// What a PatchFlow is made of. Shapes are checked by their owner.
class PatchFlowNetwork : public torch::nn::Module {
 public:
  /// Pictures [B, 3, S, S] and times [B] to tokens, row by row: [B, (S/P)^2, numbers]. Conditions
  /// are none or float32 with their weights.
  virtual at::Tensor forward(const at::Tensor& noisy, const at::Tensor& times,
                             const Conditions& conditions) = 0;
};

/// The author's (docs/patch-flow.md, "The author's network"), its oddities included.
std::shared_ptr<PatchFlowNetwork> make_author_network(const PatchFlowArchitecture& sizes,
                                                      std::uint64_t seed);
/// Ours (docs/patch-flow.md, "The modulated network").
std::shared_ptr<PatchFlowNetwork> make_modulated_network(const PatchFlowArchitecture& sizes,
                                                         std::uint64_t seed);

/// Rows, or columns, of the tokens of a grid in their order: float [grid^2].
at::Tensor token_rows(std::int64_t grid);
at::Tensor token_columns(std::int64_t grid);

}  // namespace neurosplat
