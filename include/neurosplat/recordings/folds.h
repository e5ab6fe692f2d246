#pragma once

#include <cstdint>
#include <vector>

namespace neurosplat {

inline constexpr std::int64_t kFolds = 5;

/// Which of five folds each of `count` segments is in, of equal sizes but for one, drawn by the
/// seed. Neighbouring frames of a movie look alike: only whole segments may be held out. Throws
/// Error for fewer segments than folds.
std::vector<std::int64_t> folds_of(std::int64_t count, std::uint64_t seed);

}  // namespace neurosplat
