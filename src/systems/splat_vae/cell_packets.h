#pragma once

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include <cstdint>

namespace neurosplat {

/// Packets of fixed geometry, two in each cell of a square grid, that draw a field given as 32 x 32
/// numbers a colour. What a packet's coefficients add to the field is linear, so that they are a
/// fixed matrix times the field: regularised least squares.
class CellPacketsImpl : public torch::nn::Module {
 public:
  CellPacketsImpl(std::int64_t packets, std::int64_t image_size);

  /// Fields [B, 3, 32, 32] (logits of the picture) to raw packets [B, N, 11].
  at::Tensor forward(const at::Tensor& field) const;

 private:
  at::Tensor geometry_;  ///< raw, [N, 5]
  at::Tensor solve_;  ///< [2N, 1024], field to coefficients; follows from the geometry, not saved
};
TORCH_MODULE(CellPackets);

}  // namespace neurosplat
