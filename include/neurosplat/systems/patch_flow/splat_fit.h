#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

#include "neurosplat/renderer/patches/patches.h"

namespace neurosplat {

/// How splats are fitted to pictures, without any network.
struct SplatFit {
  std::int64_t splats = 16;  ///< a tile, a square number
  std::int64_t steps = 300;  ///< of Adam, whose rate falls to a tenth along a cosine
  double rate = 0.05;
  patches::Form form;
  patches::Activation activation = {.depth_gain = 0.125};
};

/// Raw splats [B, S/T, S/T, splats, 9], before patches::activate(), that draw the pictures,
/// float [B, 3, S, S] in [0, 1], best: descent on the mean squared error from a square grid of
/// splats in the middle grey. `stepped` is told after each step. Throws UsageError for sizes.
at::Tensor fit_splats(const at::Tensor& pictures, const SplatFit& fit,
                      const std::function<void()>& stepped = {});

/// The numbers that a fit begins with, [splats, 9]: centres on a square grid over the tile.
at::Tensor splats_on_a_grid(std::int64_t splats);

/// Mean absolute difference of neighbours, both directions, over that of `target`: below 1 where
/// pictures are blurred.
double gradient_energy_ratio(const at::Tensor& pictures, const at::Tensor& target);

}  // namespace neurosplat
