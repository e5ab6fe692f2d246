#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <utility>

#include "data/file_pictures.h"
#include "data/sources.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/random_stream.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/mat_integers.h"

namespace neurosplat {
namespace {

constexpr std::int64_t last_id = 99999;  // five digits in the file names
constexpr std::array<const char*, 3> id_variables = {"trnid", "valid", "tstid"};
constexpr std::array<std::string_view, 3> split_names = {"train", "val", "test"};

using Splits = std::array<std::vector<std::string>, 3>;

std::filesystem::path flowers_folder(const std::filesystem::path& root) {
  std::error_code failed;
  for (const auto& folder : {root, root / "flowers-102"})
    if (std::filesystem::is_regular_file(folder / "setid.mat", failed) &&
        std::filesystem::is_directory(folder / "jpg", failed))
      return folder;
  throw Error(text("expected Flowers-102 (jpg/image_00001.jpg ..., setid.mat, imagelabels.mat) in ",
                   root.string(), " or its flowers-102, found no jpg/ and setid.mat in either"));
}

std::string file_of(std::int64_t id) {
  const auto digits = std::to_string(id);
  return "image_" + std::string(5 - digits.size(), '0') + digits + ".jpg";
}

// A picture in two splits would be trained on and then measured as unseen.
Splits read_splits(const std::filesystem::path& path) {
  std::vector<bool> taken(static_cast<std::size_t>(last_id) + 1);
  Splits splits;
  for (std::size_t split = 0; split < splits.size(); ++split)
    for (const auto id : read_mat_integers(path, id_variables[split], 1, last_id, last_id)) {
      if (taken[static_cast<std::size_t>(id)])
        throw Error(text("expected each picture once in ", path.string(), ", picture ", id,
                         " is there twice: fetch the file again"));
      taken[static_cast<std::size_t>(id)] = true;
      splits[split].push_back(file_of(id));
    }
  return splits;
}

// The files that labels.csv lists, each with its split.
std::unordered_map<std::string, std::string> read_labels(const std::filesystem::path& path) {
  const auto lines = read_list(path);
  if (lines.empty() || lines.front() != "file,class_id,split")
    throw Error(text("expected ", path.string(), " to begin with file,class_id,split"));
  std::unordered_map<std::string, std::string> listed;
  for (std::size_t row = 1; row < lines.size(); ++row) {
    const auto& line = lines[row];
    if (line.empty()) continue;
    const auto first = line.find(','), last = line.rfind(',');
    if (first == last || std::count(line.begin(), line.end(), ',') != 2 ||
        !is_plain_name(std::string_view(line).substr(0, first)) ||
        !listed.emplace(line.substr(0, first), line.substr(last + 1)).second)
      throw Error(text("expected file,class_id,split with a plain file name, each once, in line ",
                       row + 1, " of ", path.string(), ": mend or remove the list"));
  }
  return listed;
}

std::vector<std::string> keep_listed(const std::filesystem::path& labels,
                                     const std::vector<std::string>& files,
                                     std::string_view split) {
  const auto listed = read_labels(labels);
  std::vector<std::string> kept;
  for (const auto& file : files) {
    const auto row = listed.find(file);
    if (row == listed.end()) continue;
    if (row->second != split)
      throw Error(text("expected ", labels.string(), " to agree with setid.mat, which has ", file,
                       " in ", split, ": mend or remove the list"));
    kept.push_back(file);
  }
  return kept;
}

// Those of the official split that are there.
std::vector<std::string> official(const std::filesystem::path& folder, const Splits& splits,
                                  std::size_t split) {
  const auto labels = folder / "labels.csv";
  std::error_code failed;
  if (std::filesystem::exists(labels, failed))
    return keep_listed(labels, splits[split], split_names[split]);
  return keep_present(folder / "jpg", splits[split], std::string(split_names[split]));
}

// The protocol `large`: the first 1,000 test pictures, 400 of all others for validation, the rest.
Splits large_splits(const std::filesystem::path& folder, const Splits& official_splits) {
  constexpr std::size_t test = 2, most_tested = 1000, validated = 400;
  Splits large;
  large[test] = official(folder, official_splits, test);
  std::sort(large[test].begin(), large[test].end());
  auto others = official(folder, official_splits, 0);
  for (const auto& file : official(folder, official_splits, 1)) others.push_back(file);
  const auto tested = std::min(most_tested, large[test].size());
  others.insert(others.end(), large[test].begin() + static_cast<std::ptrdiff_t>(tested),
                large[test].end());
  large[test].resize(tested);
  // Drawn by name, so that a picture more or less moves no other.
  std::sort(others.begin(), others.end(), [](const auto& one, const auto& other) {
    return std::pair(hash_of_name(one, 0), one) < std::pair(hash_of_name(other, 0), other);
  });
  const auto cut =
      others.begin() + static_cast<std::ptrdiff_t>(std::min(validated, others.size() / 10));
  large[1].assign(others.begin(), cut);
  large[0].assign(cut, others.end());
  for (auto& split : large) std::sort(split.begin(), split.end());
  return large;
}

}  // namespace

std::unique_ptr<PictureSource> open_flowers(const PictureRequest& request) {
  const auto folder = flowers_folder(request.root);
  const auto splits = read_splits(folder / "setid.mat");
  std::vector<std::string> files;
  for (const auto& name : request.splits) {
    const auto kept = official(folder, splits, split_index(name));
    files.insert(files.end(), kept.begin(), kept.end());
  }
  return std::make_unique<FilePictures>(folder / "jpg", std::move(files));
}

std::unique_ptr<PictureSource> open_flowers_large(const PictureRequest& request) {
  const auto folder = flowers_folder(request.root);
  const auto splits = large_splits(folder, read_splits(folder / "setid.mat"));
  std::vector<std::string> files;
  for (const auto& name : request.splits) {
    const auto& split = splits[split_index(name)];
    files.insert(files.end(), split.begin(), split.end());
  }
  return std::make_unique<FilePictures>(folder / "jpg", std::move(files));
}

}  // namespace neurosplat
