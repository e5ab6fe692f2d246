#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "neurosplat/data/picture_source.h"

namespace neurosplat {

/// What gives pictures back, known by nothing but that: float [B, 3, side, side] in [0, 1] on the
/// CPU in and out, without gradients.
struct PictureCoder {
  std::int64_t side;        ///< pixels
  std::int64_t components;  ///< of the PCA that it is compared with: as many numbers a picture
  std::function<at::Tensor(const at::Tensor& pictures)> reconstruct;
  /// The same through one sample of what the coder is uncertain of, its noise from `generator`.
  std::function<at::Tensor(const at::Tensor& pictures, const at::Generator& generator)>
      reconstruct_sample;
  /// The same after more effort; empty: none is made.
  std::function<at::Tensor(const at::Tensor& pictures)> reconstruct_refined = nullptr;
};

/// How well pictures are given back, beside floors that know nothing of the coder.
struct ReconstructionRequest {
  std::shared_ptr<const PictureSource> pictures;
  /// Training pictures that the floors are fitted to; null for no floors.
  std::shared_ptr<const PictureSource> floor_pictures = nullptr;
  /// At most so many of them, chosen by `seed`: the fit needs their square in memory.
  std::int64_t floor_limit = 4096;
  std::uint64_t seed = 0;  ///< of that choice and of the samples
  int workers = 4;
  std::int64_t batch = 64;
};

/// One picture's measures. The floors' are NaN when there are none.
struct PictureScore {
  std::string name;
  double psnr_db, ssim;   ///< of PictureCoder::reconstruct
  double sample_psnr_db;  ///< of PictureCoder::reconstruct_sample
  double pca_psnr_db, mean_image_psnr_db;
  /// Of PictureCoder::reconstruct_refined, NaN without.
  double refined_psnr_db = std::numeric_limits<double>::quiet_NaN();
};

struct ReconstructionScores {
  std::vector<PictureScore> pictures;
  double psnr_mean_db = 0, ssim_mean = 0, sample_psnr_mean_db = 0;
  std::optional<double> refined_psnr_mean_db;
  double plain_ms = 0, refined_ms = 0;  ///< a picture, drawing included
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

/// Throws Error when more than 1 % of the pictures cannot be read.
ReconstructionScores evaluate_reconstruction(const PictureCoder& coder,
                                             const ReconstructionRequest& request);

/// Writes per_image.csv, whole or not at all.
void write_per_image_csv(const std::filesystem::path& path, const ReconstructionScores& scores);

}  // namespace neurosplat
