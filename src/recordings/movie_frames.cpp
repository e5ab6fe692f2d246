#include "neurosplat/recordings/movie_frames.h"

#include <ATen/Functions.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <map>
#include <string>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/image_file.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;

std::string segment_name(std::int64_t movie, std::int64_t segment) {
  char name[64];
  std::snprintf(name, sizeof name, "movie%03lld_%03lld", static_cast<long long>(movie),
                static_cast<long long>(segment));
  return name;
}

/// The frames of a folder by number; files of other names are not frames.
std::map<std::int64_t, fs::path> frames_in(const fs::path& folder, const std::string& prefix) {
  std::map<std::int64_t, fs::path> frames;
  std::error_code failed;
  for (fs::directory_iterator entry(folder, failed), end; !failed && entry != end;
       entry.increment(failed)) {
    const auto name = entry->path().stem().string();
    if (!is_picture_name(entry->path()) || !name.starts_with(prefix + "_")) continue;
    const auto digits = name.substr(prefix.size() + 1);
    std::int64_t number = 0;
    const auto [stopped, fault] =
        std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (fault == std::errc() && stopped == digits.data() + digits.size()) {
      frames[number] = entry->path();
    }
  }
  return frames;
}

at::Tensor read_frames(const std::map<std::int64_t, fs::path>& files, std::int64_t side,
                       std::int64_t count) {
  auto frames = at::empty({count, 3, side, side}, at::kByte);
  auto* planes = frames.mutable_data_ptr<std::uint8_t>();
  auto expected = files.begin()->first;
  for (auto file = files.begin(); count-- > 0; ++file, planes += 3 * side * side) {
    if (file->first != expected++) {
      throw Error(text(file->second.string(), ": expected frame ", expected - 1,
                       " before it, found none: unpack the movies again"));
    }
    decode_centre_square(file->second, side, planes);
  }
  return frames;
}

}  // namespace

std::vector<MovieSegment> read_movie_segments(
    const fs::path& root, const std::set<std::pair<std::int64_t, std::int64_t>>& wanted,
    std::int64_t side, std::int64_t most_frames) {
  const auto inner = root / "crcns-ringach-data";
  const auto movies = (fs::is_directory(inner) ? inner : root) / "movie_frames";
  std::vector<MovieSegment> segments;
  for (const auto& [movie, segment] : wanted) {
    const auto name = segment_name(movie, segment);
    const auto files = frames_in(movies / (name + ".images"), name);
    if (files.empty()) {
      throw Error(text("expected frames as ",
                       (movies / (name + ".images") / (name + "_000.jpeg")).string(),
                       ", found none: unpack the movies of pvc-1 there"));
    }
    const auto all = std::ssize(files);
    const auto count = most_frames > 0 ? std::min(all, most_frames) : all;
    segments.push_back({movie, segment, read_frames(files, side, count)});
  }
  return segments;
}

}  // namespace neurosplat
