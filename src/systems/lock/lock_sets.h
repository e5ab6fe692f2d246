#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "neurosplat/systems/lock/lock_curve.h"
#include "neurosplat/systems/splat_vae/data_set_options.h"

namespace neurosplat::apps {

/// Which pictures and videos to lock onto.
struct LockSetOptions {
  DataSetOptions data_set;  ///< its seed is that of all choices
  std::filesystem::path kodak;
  std::vector<std::filesystem::path> images;
  std::vector<std::string> videos;
  std::int64_t count = 100;  ///< pictures of the data set and of each folder of images, at most
  std::int64_t video_frames = 0;  ///< of each video, at most; 0: all
};

/// The sets; where a data set is named it is the first of them, and `split` says what it is.
struct LockSets {
  std::vector<LockSet> sets;
  std::optional<OpenedSplit> split;
};

/// Reads all of them, centre squares of `size` pixels a side, so that no decoder works while a
/// solver is timed. Throws UsageError when none is named, Error when one cannot be read, and both
/// as open_measured_split() does.
LockSets open_lock_sets(const LockSetOptions& options, std::int64_t size, const TrainedOn& trained);

}  // namespace neurosplat::apps
