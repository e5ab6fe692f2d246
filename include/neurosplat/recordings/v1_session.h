#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace neurosplat {

/// One session of Henaff and others (Nature Communications 2021): spike counts of V1 to frames of
/// ten movies, natural and synthetic, at two scales. Synthetic first and last frames are the
/// natural ones and are left out, so that 400 pictures are left.
struct V1Session {
  std::string name;
  at::Tensor pictures;  ///< uint8 [400, 3, side, side], grey
  at::Tensor movie;  ///< int64 [400], 0 to 9: hold out whole ones, neighbouring frames look alike
  at::Tensor condition;  ///< int64 [400], 0 to 39: scale, category, movie; the place in psth
  at::Tensor counts;   ///< int8 [400, units, repeats]; -1: missing. Repeat r of two units need not
                       ///< be one trial
  at::Tensor psth;     ///< float32 [40, units, times], rates averaged over a movie's frames
  at::Tensor seconds;  ///< float64 [times], from the picture's onset
};

/// Reads `name` below `root`. Throws Error for what is missing or of another shape.
V1Session read_v1_session(const std::filesystem::path& root, const std::string& name,
                          std::int64_t side);

/// Names in responses/, sorted. Throws Error when there are none.
std::vector<std::string> v1_sessions(const std::filesystem::path& root);

}  // namespace neurosplat
