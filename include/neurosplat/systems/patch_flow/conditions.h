#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace neurosplat {

/// What pictures are to show (docs/patch-flow.md, "Conditions"): rows as describe() gives them, or
/// whatever foretells such rows.
struct Conditions {
  /// [B, n] each, numbers of mean 0 and deviation 1 over the training pictures; undefined: dropped.
  at::Tensor vision = {}, semantic = {};
  /// Weight of vision where both are given, semantic has the rest; one alone has 1. The share of
  /// SpikeVAEDiff and Versatile Diffusion.
  double vision_share = 0.6;
  /// [B, 2], weights of vision and semantic picture by picture in place of the above, as training
  /// draws them; undefined: the above.
  at::Tensor weights = {};

  bool none() const { return !vision.defined() && !semantic.defined(); }
  /// Those of pictures [first, first + count).
  Conditions narrow(std::int64_t first, std::int64_t count) const;
  /// One picture's, `count` times.
  Conditions repeated(std::int64_t count) const;
};

}  // namespace neurosplat
