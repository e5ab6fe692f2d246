#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace neurosplat {

/// Energies of a bank of Gabors, what a complex cell of V1 sees of a picture (Adelson and Bergen
/// 1985): 2, 4, 8 and 16 cycles a picture, six orientations, centres on grids of 3, 6, 12 and 12 a
/// side.
class GaborBank {
 public:
  GaborBank();

  /// Pictures uint8 [F, 3, H, W], contrast normalised, to square roots of energies,
  /// float32 [F, size()].
  at::Tensor energies(const at::Tensor& pictures) const;
  std::int64_t size() const;

 private:
  at::Tensor filters_;  // [64 * 64, 2 size()], all of one phase, then all a quarter later
};

}  // namespace neurosplat
