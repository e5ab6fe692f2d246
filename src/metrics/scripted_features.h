#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <filesystem>
#include <functional>
#include <vector>

namespace neurosplat {

/// Pictures to maps [B, C, ...].
using FeatureMaps = std::function<std::vector<at::Tensor>(const at::Tensor& pictures)>;

/// The network of a TorchScript file, as it infers; see perceptual_loss(). Throws Error, one line,
/// for a file that is none; so do the maps where the network fails or gives something else.
FeatureMaps scripted_features(const std::filesystem::path& file, const at::Device& device);

}  // namespace neurosplat
