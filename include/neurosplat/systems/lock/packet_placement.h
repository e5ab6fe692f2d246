#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace neurosplat {

/// How packets are laid over a picture without any descent.
struct PlacementSettings {
  std::int64_t packets = 512;
  double density = 0.5;     ///< packets gather as the power `density` of the local gradient energy
  double width = 0.55;      ///< of the envelope, in units of a cell's side
  double frequency = 0.28;  ///< cycles per cell's side
  int rounds = 1;           ///< of moving each packet to the middle of its cell
};

/// Geometry of packets chosen from a picture [C, H, W] in [0, 1]: [N, 5] activated numbers (x, y,
/// width, orientation, frequency), float32. Centres divide the canvas into cells of like detail,
/// widths and frequencies follow the cells' sizes, waves run across the local gradient.
/// Our derivation (docs/lock.md).
at::Tensor place_packets(const at::Tensor& picture, const PlacementSettings& settings);

}  // namespace neurosplat
