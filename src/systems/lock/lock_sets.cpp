#include "systems/lock/lock_sets.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <memory>
#include <numeric>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/data/picture_loader.h"
#include "neurosplat/data/picture_source.h"
#include "neurosplat/io/frame_source.h"
#include "neurosplat/io/image_file.h"

namespace neurosplat::apps {
namespace {

namespace fs = std::filesystem;

void check(const LockSetOptions& options) {
  if (!has_data_set(options.data_set) && options.kodak.empty() && options.images.empty() &&
      options.videos.empty()) {
    throw UsageError(
        "expected something to lock onto: --data DIR, --kodak DIR, --images DIR or --video FILE");
  }
  if (options.count < 1) throw UsageError(text("count: expected at least 1, got ", options.count));
  if (options.video_frames < 0 || options.data_set.seed < 0) {
    throw UsageError("video-frames and seed: expected at least 0");
  }
}

LockSet decoded(std::string name, const std::shared_ptr<const PictureSource>& source,
                std::int64_t size) {
  const PictureLoader loader(source, {.side = size,
                                      .shuffle = false,
                                      .drop_last = false,
                                      .memory_budget = source->size() * 3 * size * size});
  if (loader.size() == 0) {
    throw Error(text(name, ": expected at least one readable picture, found none"));
  }
  std::vector<std::int64_t> all(static_cast<std::size_t>(loader.size()));
  std::iota(all.begin(), all.end(), 0);
  LockSet set{.name = std::move(name), .pictures = loader.pictures(all), .names = {}};
  for (const auto index : loader.usable()) set.names.push_back(source->name(index));
  return set;
}

LockSet read_video(const std::string& path, std::int64_t size, std::int64_t most) {
  const auto source = open_frame_source(path);
  LockSet set{.name = fs::path(path).stem().string(),
              .pictures = {},
              .names = {},
              .frames_per_second = source->frames_per_second()};
  std::vector<at::Tensor> frames;
  while (most == 0 || static_cast<std::int64_t>(frames.size()) < most) {
    const auto frame = source->next();
    if (!frame) break;
    frames.push_back(centre_square(frame->picture, size));
    set.names.push_back(text("frame ", frame->name));
  }
  if (frames.empty()) throw Error(text(path, ": expected frames, found none"));
  set.pictures = at::stack(frames);
  return set;
}

/// Rows are told apart by the names of their sets.
void make_names_differ(std::vector<LockSet>& sets) {
  for (std::size_t i = 0; i < sets.size(); ++i) {
    const auto name = sets[i].name;
    const auto taken = [&] {
      return std::any_of(sets.begin(), sets.begin() + static_cast<std::ptrdiff_t>(i),
                         [&](const LockSet& set) { return set.name == sets[i].name; });
    };
    for (int number = 2; taken(); ++number) sets[i].name = text(name, "-", number);
  }
}

}  // namespace

LockSets open_lock_sets(const LockSetOptions& options, std::int64_t size,
                        const TrainedOn& trained) {
  check(options);
  const auto some_of = [&](std::shared_ptr<const PictureSource> source) {
    return seeded_subset(std::move(source), options.count,
                         static_cast<std::uint64_t>(options.data_set.seed));
  };
  LockSets opened;
  auto& sets = opened.sets;
  if (has_data_set(options.data_set)) {
    opened.split = open_measured_split(options.data_set, trained);
    sets.push_back(decoded(options.data_set.dataset, some_of(opened.split->pictures), size));
  }
  if (!options.kodak.empty())
    sets.push_back(decoded("kodak", open_other_pictures(options.kodak, trained).pictures, size));
  for (const auto& folder : options.images) {
    sets.push_back(
        decoded(last_name(folder), some_of(open_other_pictures(folder, trained).pictures), size));
  }
  for (const auto& video : options.videos) {
    sets.push_back(read_video(video, size, options.video_frames));
  }
  make_names_differ(sets);
  return opened;
}

}  // namespace neurosplat::apps
