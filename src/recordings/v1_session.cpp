#include "neurosplat/recordings/v1_session.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstdio>
#include <fstream>

#include "neurosplat/core/error.h"
#include "neurosplat/core/printable.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/image_file.h"
#include "neurosplat/io/npy_file.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kScales = 2, kCategories = 2, kMovies = 10, kFrames = 11;

struct Shown {
  std::int64_t scale, category, movie, frame;
};

/// Synthetic first and last frames are the natural ones.
std::vector<Shown> all_shown() {
  std::vector<Shown> shown;
  for (std::int64_t scale = 0; scale < kScales; ++scale) {
    for (std::int64_t category = 0; category < kCategories; ++category) {
      for (std::int64_t movie = 0; movie < kMovies; ++movie) {
        for (std::int64_t frame = category; frame < kFrames - category; ++frame) {
          shown.push_back({scale, category, movie, frame});
        }
      }
    }
  }
  return shown;
}

fs::path picture_of(const fs::path& root, const Shown& shown) {
  char name[64];
  std::snprintf(
      name, sizeof name, "movie%02lld/%s%02lld.png", static_cast<long long>(shown.movie + 1),
      shown.category == 0 ? "natural" : "synthetic", static_cast<long long>(shown.frame + 1));
  return root / "stimuli" / (shown.scale == 0 ? "zoom1x" : "zoom2x") / name;
}

at::Tensor expect_shape(const fs::path& file, at::ScalarType type,
                        const std::vector<std::int64_t>& shape) {
  auto numbers = read_npy(file);
  bool fits = numbers.scalar_type() == type && numbers.dim() == std::ssize(shape);
  for (std::size_t i = 0; fits && i < shape.size(); ++i) {
    const auto size = numbers.size(static_cast<std::int64_t>(i));
    fits = shape[i] == 0 ? size > 0 && size <= 4096 : size == shape[i];
  }
  if (fits) return numbers;
  throw Error(text(file.string(), ": expected ", type, ' ', at::IntArrayRef(shape),
                   " (0: any), got ", numbers.scalar_type(), ' ', numbers.sizes()));
}

at::Tensor read_seconds(const fs::path& file, std::int64_t count) {
  std::ifstream in(file);
  std::vector<double> seconds;
  for (std::string line; std::getline(in, line);) {
    try {
      const auto last = line.rfind(',');
      seconds.push_back(std::stod(last == std::string::npos ? line : line.substr(last + 1)));
    } catch (const std::exception&) {
      if (!seconds.empty())
        throw Error(text(file.string(), ": expected a number, got ", printable(line)));
    }
  }
  if (std::ssize(seconds) != count) {
    throw Error(text(file.string(), ": expected ", count, " times, got ", seconds.size()));
  }
  return at::tensor(seconds, at::kDouble);
}

}  // namespace

std::vector<std::string> v1_sessions(const fs::path& root) {
  std::vector<std::string> names;
  std::error_code failed;
  for (fs::directory_iterator entry(root / "responses", failed), end; !failed && entry != end;
       entry.increment(failed)) {
    if (entry->path().extension() == ".npy") names.push_back(entry->path().stem().string());
  }
  if (names.empty()) {
    throw Error(text("expected sessions as ", (root / "responses/SESSION.npy").string(),
                     ", found none: name the folder of the recordings"));
  }
  std::sort(names.begin(), names.end());
  return names;
}

V1Session read_v1_session(const fs::path& root, const std::string& name, std::int64_t side) {
  const auto shown = all_shown();
  const auto count = std::ssize(shown);
  const auto responses = expect_shape(root / "responses" / (name + ".npy"), at::kChar,
                                      {0, kScales, kCategories, kMovies, kFrames, 0});
  const auto units = responses.size(0), repeats = responses.size(5);
  const auto psth = expect_shape(root / "psth" / (name + ".npy"), at::kFloat,
                                 {units, kScales, kCategories, kMovies, 0});
  V1Session session{name,
                    at::empty({count, 3, side, side}, at::kByte),
                    at::empty({count}, at::kLong),
                    at::empty({count}, at::kLong),
                    at::empty({count, units, repeats}, at::kChar),
                    psth.flatten(1, 3).transpose(0, 1).contiguous(),
                    read_seconds(root / "psth/bin_times_s.csv", psth.size(4))};
  auto* planes = session.pictures.mutable_data_ptr<std::uint8_t>();
  for (std::int64_t i = 0; i < count; ++i) {
    const auto& [scale, category, movie, frame] = shown[static_cast<std::size_t>(i)];
    decode_centre_square(picture_of(root, shown[static_cast<std::size_t>(i)]), side,
                         planes + i * 3 * side * side);
    session.movie[i] = movie;
    session.condition[i] = (scale * kCategories + category) * kMovies + movie;
    session.counts[i] =
        responses.select(1, scale).select(1, category).select(1, movie).select(1, frame);
  }
  return session;
}

}  // namespace neurosplat
