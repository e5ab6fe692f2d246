#pragma once

#include <filesystem>
#include <functional>

#include "neurosplat/systems/spike_decoder/latent_space.h"

namespace neurosplat {

/// The network of a TorchScript file, see open_latent_space().
LatentSpace script_space(const std::filesystem::path& file);

/// Decoded pictures [B, 3, S, S] in [0, 1] and a strength in (0, 1] to pictures of the same size.
using PictureRefiner = std::function<at::Tensor(const at::Tensor& pictures, double strength)>;

/// The second stage as a user's TorchScript network: `refine`, float32 [B, 3, side, side] in [0, 1]
/// and a strength [] to [B, 3, side, side]; an int attribute `side`. Throws Error, one line.
PictureRefiner script_refiner(const std::filesystem::path& file);

}  // namespace neurosplat
