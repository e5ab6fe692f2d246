#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "neurosplat/systems/splat_vae/splat_vae.h"

namespace neurosplat {

/// Descent of the latent on the squared error E of the drawn picture, by momentum and curvature
/// (our derivation): v <- .5 v - .5 (dE/dz) / h, z <- z + v. h is the diagonal of E's
/// Gauss-Newton matrix at latents of the prior, estimated with random signs (Hutchinson 1990); it
/// belongs to the decoder and is measured once.
class LatentRefinement {
 public:
  explicit LatentRefinement(const SplatVae& model);

  /// Latents [B, latent] of pictures [B, 3, S, S] after `steps` steps from `start`: of each picture
  /// the best that was passed, so never worse than the start.
  at::Tensor refine(const at::Tensor& pictures, const at::Tensor& start, std::int64_t steps) const;

 private:
  SplatVae model_;
  at::Tensor curvature_;  ///< [latent]
};

}  // namespace neurosplat
