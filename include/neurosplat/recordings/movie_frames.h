#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <set>
#include <utility>
#include <vector>

namespace neurosplat {

/// Frames of a segment of a movie, in order.
struct MovieSegment {
  std::int64_t movie, segment;
  at::Tensor frames;  ///< uint8 [F, 3, side, side], centre squares
};

/// Reads movie_frames/movieMMM_SSS.images/movieMMM_SSS_FFF.jpeg below `root` (or its
/// crcns-ringach-data/) for the segments asked for, at most `most_frames` of each (0: all).
/// Numbers of frames may begin anywhere but have no gaps. Throws Error for a segment without
/// frames, a gap, and frames that cannot be read.
std::vector<MovieSegment> read_movie_segments(
    const std::filesystem::path& root,
    const std::set<std::pair<std::int64_t, std::int64_t>>& wanted, std::int64_t side,
    std::int64_t most_frames = 0);

}  // namespace neurosplat
