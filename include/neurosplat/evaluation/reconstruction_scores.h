#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "neurosplat/data/picture_source.h"
#include "neurosplat/systems/splat_vae/splat_vae.h"

namespace neurosplat {

/// How well a splat VAE gives back pictures, beside floors that know nothing of packets.
struct ReconstructionRequest {
  std::shared_ptr<const PictureSource> pictures;
  /// Training pictures that the floors are fitted to; null for no floors.
  std::shared_ptr<const PictureSource> floor_pictures = nullptr;
  /// At most so many of them, chosen by `seed`: the fit needs their square in memory.
  std::int64_t floor_limit = 4096;
  std::uint64_t seed = 0;  ///< of that choice and of the posterior's samples
  int workers = 4;
  std::int64_t batch = 64;
};

/// One picture's measures. The floors' are NaN when there are none.
struct PictureScore {
  std::string name;
  double psnr_db, ssim;   ///< through the posterior's mean
  double sample_psnr_db;  ///< through one sample of the posterior
  double pca_psnr_db, mean_image_psnr_db;
};

struct ReconstructionScores {
  std::vector<PictureScore> pictures;
  double psnr_mean_db = 0, ssim_mean = 0, sample_psnr_mean_db = 0;
  struct Floors {
    std::int64_t pictures = 0, components = 0;
    std::int64_t measured = 0;  ///< of these pictures are measured too: no held-out floor then
    double pca_psnr_mean_db = 0, mean_image_psnr_mean_db = 0;
  };
  std::optional<Floors> floors;
  /// Best, median and worst picture by PSNR, a row each: original, reconstruction and, where
  /// there are floors, the PCA projection. float [3, H, W].
  at::Tensor sheet;
};

/// Encoder -> decoder -> renderer, in evaluation mode on the model's device. Throws Error when more
/// than 1 % of the pictures cannot be read.
ReconstructionScores evaluate_reconstruction(const SplatVae& model,
                                             const ReconstructionRequest& request);

/// Writes per_image.csv, whole or not at all.
void write_per_image_csv(const std::filesystem::path& path, const ReconstructionScores& scores);

}  // namespace neurosplat
