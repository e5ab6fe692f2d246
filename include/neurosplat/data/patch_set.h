#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace neurosplat {

/// Small square patches of pictures in memory, to train on and to validate with.
struct PatchSet {
  at::Tensor train, validation;                ///< float32 [N, side * side], row by row
  at::Tensor train_labels, validation_labels;  ///< int64 [N]; undefined where there are none
  std::int64_t side = 16;                      ///< pixels
  std::string description;                     ///< one line for a log
  /// 16 hexadecimal digits that tell other patches apart: of what was read (pixels, numbers), of
  /// the request and of the recipe. Not of the patches' own last digits, which may differ from one
  /// processor to the next. Wherever the root lies, the same contents have the same hash.
  std::string hash;
  bool unit_range = false;  ///< digits in [0, 1]; otherwise whitened, mean 0 and deviation 1
};

/// Which patches to open. Layouts and what is done with them: data/README.md.
struct PatchRequest {
  static constexpr std::int64_t usual_side = 16;
  static constexpr std::int64_t usual_patches = 128955;  ///< as many as the published set has

  std::string dataset = "natural";  ///< one of patch_dataset_names()
  std::filesystem::path root{};
  /// Pixels; 28 of mnist, where the usual side stands for that too.
  std::int64_t side = usual_side;
  /// To take in all; fewer where there are no more (`description` says so). Stored sets, npy and
  /// mnist, are taken whole unless another number than the usual is given.
  std::int64_t patches = usual_patches;
  double validation = 0.2;  ///< share, about; of stored sets their own
  std::uint64_t seed = 0;   ///< of what is chosen, split and generated
  /// Of natural and folder: flatter patches are left out, in deviations of their whitened picture.
  /// Dark and blurred places of photographs have next to no contrast; a share of the variance that
  /// is explained, such as R^2, means nothing there and would rule a mean over patches.
  double least_deviation = 0.1;
  bool mirrored_filter = false;  ///< as of WhiteningOptions; of natural, folder and synthetic
};

/// Reads, whitens and splits. The same whatever the number of threads. Throws Error (nothing there:
/// says what was expected where; unreadable, NaN) or UsageError (an unknown data set, numbers out
/// of range).
PatchSet open_patches(const PatchRequest& request);

/// natural, folder, npy, mnist, synthetic.
std::vector<std::string> patch_dataset_names();

}  // namespace neurosplat
