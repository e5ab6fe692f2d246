#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace neurosplat {

/// The honest floors of an autoencoder, fitted to training pictures: their mean, and principal
/// components as many as the latent has numbers.
struct LinearFloor {
  at::Tensor mean;        ///< float32 [D]
  at::Tensor components;  ///< float32 [K, D], orthonormal rows, largest variance first
  at::Tensor variances;   ///< float32 [K], of the pictures along them (over M - 1)
};

/// Fits to pictures uint8 or float in [0, 1], [M, C, H, W]; D = C*H*W. At most M - 1 components
/// exist; fewer than asked are returned then. Goes through the M x M Gram matrix, so the memory
/// is that of the pictures plus M x M doubles.
LinearFloor fit_linear_floor(const at::Tensor& pictures, std::int64_t components);

/// Projections of pictures [B, C, H, W] (float) on mean + span of components, clamped to [0, 1].
at::Tensor project(const LinearFloor& floor, const at::Tensor& pictures);

/// Pictures of the Gaussian that has the floor's mean, components and variances: noise [B, K] of
/// N(0, I) to float32 [B, D], clamped to [0, 1].
at::Tensor linear_samples(const LinearFloor& floor, const at::Tensor& noise);

}  // namespace neurosplat
