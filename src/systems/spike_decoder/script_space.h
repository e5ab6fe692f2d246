#pragma once

#include <filesystem>

#include "neurosplat/systems/spike_decoder/latent_space.h"

namespace neurosplat {

/// The network of a TorchScript file, see open_latent_space().
LatentSpace script_space(const std::filesystem::path& file);

}  // namespace neurosplat
