#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "neurosplat/evaluation/lock_curve.h"

namespace neurosplat::apps {

/// Which pictures and videos to lock onto.
struct LockSetOptions {
  std::filesystem::path data, kodak;
  std::string dataset = "flowers", split = "test";
  std::vector<std::filesystem::path> images;
  std::vector<std::string> videos;
  std::int64_t count = 100;  ///< pictures of the data set and of each folder of images, at most
  std::int64_t video_frames = 0;  ///< of each video, at most; 0: all
  std::int64_t seed = 0;
};

/// Whether a data set is named; it is then the first set.
bool has_data_set(const LockSetOptions& options);

/// Reads all of them, centre squares of `size` pixels a side, so that no decoder works while a
/// solver is timed. Throws UsageError when none is named, Error when one cannot be read.
std::vector<LockSet> open_lock_sets(const LockSetOptions& options, std::int64_t size);

}  // namespace neurosplat::apps
