#pragma once

#include <cstdint>
#include <memory>

#include "neurosplat/data/picture_source.h"
#include "neurosplat/metrics/linear_floor.h"

namespace neurosplat {

/// What a linear floor is fitted to.
struct FloorRequest {
  std::shared_ptr<const PictureSource> pictures;
  std::int64_t limit = 4096;  ///< at most so many, chosen by `seed`: the fit needs their square
  std::uint64_t seed = 0;
  std::int64_t side = 0;  ///< pixels
  std::int64_t components = 0;
  int workers = 4;
};

struct FittedFloor {
  LinearFloor floor;
  std::int64_t pictures = 0;  ///< that could be read
  std::int64_t measured = 0;  ///< of those chosen are measured too: no held-out floor then
};

/// A line warns where some of the pictures are among those that the floor is `measured` on. Throws
/// Error when more than 1 % of the pictures cannot be read.
FittedFloor fit_floor(const FloorRequest& request, const PictureSource& measured);

}  // namespace neurosplat
