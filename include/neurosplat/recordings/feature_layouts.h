#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>

namespace neurosplat {

/// Features of pictures as Brain-Diffuser (Ozcelik and VanRullen 2023) and what follows it keep
/// them.
enum class FeatureLayout {
  kVdvaeLatents,  ///< [N, 91168]: 31 levels of a very deep VAE, one after the other
  kClipVision,    ///< [N, 257, 768]
  kClipText,      ///< [N, 77, 768]
};

/// Latents of each level: 2 of 16 (1 x 1 pixels), 4 of 256, 8 of 1024, 16 of 4096, 1 of 16384.
inline constexpr std::int64_t kVdvaeLevels = 31, kVdvaeLatents = 91168;
std::array<std::int64_t, kVdvaeLevels> vdvae_level_sizes();

std::string name_of(FeatureLayout layout);

struct PublishedFeatures {
  FeatureLayout layout;
  at::Tensor values;  ///< float32, of one of the shapes above
};

/// Reads .npy of float16, float32 or float64; the shape says what it is. Throws Error for other
/// shapes and types and for numbers that are not finite as float32.
PublishedFeatures read_picture_features(const std::filesystem::path& file);

}  // namespace neurosplat
