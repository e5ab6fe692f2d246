#include <algorithm>
#include <string_view>
#include <system_error>
#include <utility>

#include "data/file_pictures.h"
#include "data/sources.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/random_stream.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/image_file.h"

namespace neurosplat {
namespace {

// Links to folders are not followed: one that leads upwards would never end.
std::vector<std::string> pictures_below(const std::filesystem::path& folder) {
  namespace fs = std::filesystem;
  std::error_code failed;
  if (!fs::is_directory(folder, failed))
    throw Error(text("expected a folder of pictures at ", folder.string(), ", found no folder"));
  std::vector<std::string> names;
  fs::recursive_directory_iterator it(folder, fs::directory_options::skip_permission_denied,
                                      failed);
  for (; !failed && it != fs::recursive_directory_iterator(); it.increment(failed)) {
    std::error_code unreadable;
    if (is_picture_name(it->path()) && it->is_regular_file(unreadable))
      names.push_back(it->path().lexically_relative(folder).generic_string());
  }
  if (failed)
    throw Error(text("expected to list the folder ", folder.string(), ": ", failed.message()));
  if (names.empty())
    throw Error(text("expected pictures (jpg, jpeg, png, bmp, webp) in ", folder.string(),
                     " or below, found none"));
  std::sort(names.begin(), names.end());
  return names;
}

// One in ten, chosen by seed and path alone.
std::vector<std::string> held_out(const std::vector<std::string>& names, std::uint64_t seed) {
  if (names.size() < 2) return {};
  std::vector<std::pair<std::uint64_t, std::string>> drawn;
  for (const auto& name : names) drawn.emplace_back(hash_of_name(name, seed), name);
  std::sort(drawn.begin(), drawn.end());
  drawn.resize(std::max<std::size_t>(1, names.size() / 10));
  std::vector<std::string> kept;
  for (auto& [hash, name] : drawn) kept.push_back(std::move(name));
  std::sort(kept.begin(), kept.end());
  return kept;
}

}  // namespace

std::unique_ptr<PictureSource> open_split_folder(const PictureRequest& request) {
  const auto all = pictures_below(request.root);
  const auto test = held_out(all, request.split_seed);
  std::vector<std::string> train;
  std::set_difference(all.begin(), all.end(), test.begin(), test.end(), std::back_inserter(train));
  std::vector<std::string> names;
  for (const auto& split : request.splits) {
    if (split == "train") names.insert(names.end(), train.begin(), train.end());
    if (split == "test") names.insert(names.end(), test.begin(), test.end());
  }
  return std::make_unique<FilePictures>(request.root, std::move(names));
}

std::unique_ptr<PictureSource> open_folder(const std::filesystem::path& folder) {
  return std::make_unique<FilePictures>(folder, pictures_below(folder));
}

}  // namespace neurosplat
