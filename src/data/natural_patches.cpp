#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <limits>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

#include "data/area_reduction.h"
#include "data/patch_sources.h"
#include "neurosplat/core/content_hash.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/log.h"
#include "neurosplat/core/progress.h"
#include "neurosplat/core/text.h"
#include "neurosplat/data/picture_source.h"
#include "neurosplat/data/whitening.h"
#include "neurosplat/io/image_file.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t longest_side = 1024;  // pixels
constexpr std::int64_t at_once = 32;         // pictures
constexpr std::int64_t all = std::numeric_limits<std::int64_t>::max();

struct Folder {
  std::string name;
  fs::path path;
  bool whole;  // every picture of it is taken; otherwise as many as are needed
};

TiledPicture tiled(const fs::path& file, const std::string& name, const PatchRequest& request) {
  const auto light = read_linear_grey(file);
  const auto content = hash_of({static_cast<std::uint64_t>(light.size(1)),
                                hash_of_bytes(light.const_data_ptr<float>(), light.nbytes())});
  try {
    const auto white = whitened(reduced_by_area(light, longest_side), whitening_of(request));
    const auto tiles = tiles_of(white, request.side);
    const auto kept = tiles.std(1).ge(request.least_deviation).nonzero().flatten();
    return {name, content, tiles.index_select(0, kept), tiles.size(0) - kept.numel()};
  } catch (const Error& error) {
    throw Error(text(file.string(), ": ", error.what()));
  }
}

/// Reads pictures and remembers which could not be read and which were there before.
class Reader {
 public:
  explicit Reader(const PatchRequest& request) : request_(request) {}

  /// Pictures of a folder until there are `needed` patches.
  PictureGroup read(const Folder& folder, std::int64_t needed) {
    auto names = names_in(folder);
    PictureGroup group{folder.name, {}};
    std::int64_t patches = 0, place = 0;
    const auto count = static_cast<std::int64_t>(names.size());
    ProgressLine progress("whitening " + folder.name, "pictures", count);
    for (; place < count && patches < needed; progress.update(place)) {
      const auto block = read_block(folder, names, place);
      for (auto picture = block.begin(); picture != block.end() && patches < needed; ++picture) {
        ++place;
        if (!accept(*picture)) continue;
        patches += picture->picture->tiles.size(0);
        flat_ += picture->picture->flat;
        group.pictures.push_back(*picture->picture);
      }
    }
    std::sort(group.pictures.begin(), group.pictures.end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
    check_faults();
    return group;
  }

  std::string notes() const {
    std::string words;
    if (flat_ > 0) words += text(", ", grouped(flat_), " flat ones left out");
    if (twins_ > 0) words += text(", ", twins_, " copies of pictures left out");
    if (!faults_.empty()) words += text(", ", faults_.size(), " unusable pictures left out");
    return words;
  }

 private:
  struct Attempt {
    std::optional<TiledPicture> picture;
    std::string fault;
  };

  // In the order in which they are taken; the same wherever the root lies.
  std::vector<std::string> names_in(const Folder& folder) const {
    const auto source = open_folder(folder.path);
    std::vector<std::string> names;
    for (std::int64_t i = 0; i < source->size(); ++i) names.push_back(source->name(i));
    if (!folder.whole) {
      const auto key = [&](const std::string& name) { return hash_of_name(name, request_.seed); };
      std::sort(names.begin(), names.end(), [&](const auto& a, const auto& b) {
        return std::pair(key(a), a) < std::pair(key(b), b);
      });
    }
    return names;
  }

  // Inside a parallel region, of two at least, what works on one picture is not itself spread over
  // threads, and so its rounding does not depend on how many there are.
  std::vector<Attempt> read_block(const Folder& folder, const std::vector<std::string>& names,
                                  std::int64_t first) const {
    const auto count = std::min(at_once, static_cast<std::int64_t>(names.size()) - first);
    std::vector<Attempt> block(static_cast<std::size_t>(count));
    std::atomic<std::int64_t> next = 0;
    at::parallel_for(0, std::max<std::int64_t>(2, count), 1, [&](std::int64_t, std::int64_t) {
      const at::NoGradGuard no_gradients;
      for (auto i = next++; i < count; i = next++) {
        auto& attempt = block[static_cast<std::size_t>(i)];
        const auto& name = names[static_cast<std::size_t>(first + i)];
        try {
          attempt.picture = tiled(folder.path / name, name, request_);
        } catch (const Error& error) {
          attempt.fault = error.what();
        }
      }
    });
    return block;
  }

  bool accept(const Attempt& attempt) {
    ++tried_;
    if (!attempt.picture) {
      faults_.push_back(attempt.fault);
      return false;
    }
    if (seen_.insert(attempt.picture->content).second) return true;
    ++twins_;  // one could train and the other validate
    return false;
  }

  void check_faults() {
    if (faults_.size() * 100 > tried_)
      throw Error(text(faults_.size(), " of ", tried_,
                       " pictures could not be used (1 % allowed), first: ", faults_.front()));
    for (; warned_ < faults_.size(); ++warned_)
      log::warn("leaving out a picture: " + faults_[warned_]);
  }

  const PatchRequest& request_;
  std::set<std::uint64_t> seen_;
  std::vector<std::string> faults_;
  std::size_t tried_ = 0, warned_ = 0, twins_ = 0;
  std::int64_t flat_ = 0;
};

PatchSet patches_of(const PatchRequest& request, const std::vector<Folder>& folders) {
  Reader reader(request);
  std::vector<PictureGroup> groups;
  std::int64_t patches = 0;
  for (const auto& folder : folders) {
    if (!folder.whole && patches >= request.patches) continue;
    groups.push_back(reader.read(folder, folder.whole ? all : request.patches - patches));
    for (const auto& picture : groups.back().pictures) patches += picture.tiles.size(0);
  }
  auto set = split_and_standardised(request, std::move(groups));
  set.description += reader.notes();
  return set;
}

}  // namespace

PatchSet open_natural_patches(const PatchRequest& request) {
  const std::array<Folder, 4> known = {{
      {"bsds", request.root / "natural-images" / "bsds", true},
      {"vanhateren", request.root / "natural-images" / "vanhateren", true},
      {"kodak", request.root / "kodak", true},
      {"flowers", request.root / "flowers-102" / "jpg", false},
  }};
  std::vector<Folder> there;
  std::error_code failed;
  for (const auto& folder : known)
    if (fs::is_directory(folder.path, failed)) there.push_back(folder);
  if (there.empty())
    throw Error(
        text("expected natural-images/bsds, natural-images/vanhateren, kodak or "
             "flowers-102/jpg in ",
             request.root.string(), ", found none: give the folder that holds them"));
  return patches_of(request, there);
}

PatchSet open_folder_patches(const PatchRequest& request) {
  return patches_of(request, {{"folder", request.root, false}});
}

}  // namespace neurosplat
