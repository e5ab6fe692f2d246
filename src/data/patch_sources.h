#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "neurosplat/data/patch_set.h"
#include "neurosplat/data/whitening.h"

/// What open_patches chooses from. Numbers of the request are checked before.
namespace neurosplat {

PatchSet open_natural_patches(const PatchRequest& request);
PatchSet open_folder_patches(const PatchRequest& request);
PatchSet open_npy_patches(const PatchRequest& request);
PatchSet open_mnist_patches(const PatchRequest& request);
PatchSet open_synthetic_patches(const PatchRequest& request);

/// The options of whitening that a request stands for.
WhiteningOptions whitening_of(const PatchRequest& request);

/// One picture of a set: whitened tiles, float32 [N, side * side], row by row of tiles.
struct TiledPicture {
  std::string name;           ///< unlike that of any other picture of the set
  std::uint64_t content = 0;  ///< hash of its pixels before
  at::Tensor tiles;
  std::int64_t flat = 0;  ///< tiles left out, as too flat
};

/// Pictures of one origin, in a fixed order.
struct PictureGroup {
  std::string name;
  std::vector<TiledPicture> pictures;
};

/// The whole tiles of a whitened picture, float64 [H, W]; what is left over at the right and below
/// is not taken. float32 [N, side * side].
at::Tensor tiles_of(const at::Tensor& picture, std::int64_t side);

/// Splits pictures by the seed, in each group about the share of its patches for validation (none
/// of a lone picture); keeps `request.patches` of them, drawn by the seed; standardises all by mean
/// and standard deviation of those to train on. Throws Error when either part is empty.
PatchSet split_and_standardised(const PatchRequest& request, std::vector<PictureGroup> groups);

struct Moments {
  double mean, deviation;  ///< of all numbers; the deviation of N, not N - 1
};
/// Of a contiguous float32 or float64 tensor, one number after the other, so that the rounding does
/// not depend on the number of threads. Throws Error when all numbers are the same.
Moments moments_of(const at::Tensor& numbers);

/// `most` rows of `count`, drawn by the seed, in their order; all when there are no more.
at::Tensor drawn_rows(std::int64_t count, std::int64_t most, std::uint64_t seed);

/// A count with its thousands set apart: 128,955.
std::string grouped(std::int64_t number);

}  // namespace neurosplat
