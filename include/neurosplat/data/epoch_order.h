#pragma once

#include <cstdint>
#include <vector>

namespace neurosplat {

/// 0 to count - 1 in the order of an epoch: as they stand, or shuffled by a permutation that
/// depends on seed and epoch alone and is the same with every standard library.
std::vector<std::int64_t> epoch_order(std::uint64_t seed, std::int64_t epoch, std::int64_t count,
                                      bool shuffle);

/// Whether a picture is mirrored in an epoch: one in two is.
bool is_flipped(std::uint64_t seed, std::int64_t epoch, std::int64_t picture);

}  // namespace neurosplat
