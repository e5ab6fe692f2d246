#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace neurosplat {

/// How far a step of descent may move a packet, and how narrow it may become.
struct DescentSettings {
  double geometry = 0.05;      ///< in the packet's own units, see GeometryDescent
  double coefficients = 0.06;  ///< in units of all coefficients' root mean square
  double narrowest = 0.008;    ///< width, in units of the frame's side
};

/// Adam on activated packets in units in which they are alike: centres move by shares of the
/// envelope's width, widths by factors, orientation and frequency by how much the wave turns within
/// the envelope. The picture's error drives geometry and coefficients together; where coefficients
/// are at their optimum for the geometry, this is the gradient of variable projection. Our
/// derivation (docs/lock.md).
class GeometryDescent {
 public:
  explicit GeometryDescent(std::int64_t packets, const DescentSettings& settings = {});

  /// One step, in place. geometry [N, 5], coefficients [N, 2C], target [C, H, W]. Returns the mean
  /// squared error before it.
  double step(at::Tensor& geometry, at::Tensor& coefficients, const at::Tensor& target);

 private:
  DescentSettings settings_;
  at::Tensor first_, second_;  // Adam's moments, [N, 5 + 2C]
  std::int64_t packets_, steps_ = 0;
};

}  // namespace neurosplat
