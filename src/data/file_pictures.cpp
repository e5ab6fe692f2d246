#include "data/file_pictures.h"

#include <algorithm>
#include <fstream>
#include <system_error>
#include <unordered_set>
#include <utility>

#include "neurosplat/core/error.h"
#include "neurosplat/core/log.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/image_file.h"

namespace neurosplat {
namespace {

constexpr std::uintmax_t longest_list = std::uintmax_t{1} << 26U;

std::unordered_set<std::string> files_in(const std::filesystem::path& folder) {
  std::error_code failed;
  std::unordered_set<std::string> files;
  for (std::filesystem::directory_iterator it(folder, failed), end; !failed && it != end;
       it.increment(failed))
    files.insert(it->path().filename().string());
  if (failed)
    throw Error(text("expected a folder of pictures at ", folder.string(), ": ", failed.message()));
  return files;
}

}  // namespace

FilePictures::FilePictures(std::filesystem::path folder, std::vector<std::string> names,
                           std::int64_t first_crop)
    : folder_(std::move(folder)), names_(std::move(names)), first_crop_(first_crop) {}

std::int64_t FilePictures::size() const {
  return static_cast<std::int64_t>(names_.size());
}

std::string FilePictures::name(std::int64_t index) const {
  check_index(index, size());
  return names_[static_cast<std::size_t>(index)];
}

void FilePictures::decode(std::int64_t index, std::int64_t side, std::uint8_t* planes) const {
  decode_centre_square(folder_ / name(index), side, planes, first_crop_);
}

std::uintmax_t FilePictures::file_bytes(std::int64_t index) const {
  std::error_code failed;
  const auto bytes = std::filesystem::file_size(folder_ / name(index), failed);
  return failed ? 0 : bytes;
}

void check_index(std::int64_t index, std::int64_t size) {
  if (index < 0 || index >= size)
    throw Error(text("expected a picture from 0 to ", size - 1, ", got ", index));
}

std::vector<std::string> keep_present(const std::filesystem::path& folder,
                                      const std::vector<std::string>& names,
                                      const std::string& split) {
  const auto present = files_in(folder);
  std::vector<std::string> kept;
  std::string first_absent;
  for (const auto& name : names) {
    if (present.contains(name))
      kept.push_back(name);
    else if (first_absent.empty())
      first_absent = name;
  }
  if (kept.empty() && !names.empty())
    throw Error(text("expected the ", names.size(), " pictures of the split ", split, " in ",
                     folder.string(), " (", names.front(), " ...), none is there"));
  if (kept.size() < names.size())
    log::warn(text(names.size() - kept.size(), " of ", names.size(), " pictures of the split ",
                   split, " are not in ", folder.string(), ", the first is ", first_absent,
                   ": going on without them"));
  return kept;
}

std::vector<std::string> read_list(const std::filesystem::path& path) {
  std::error_code failed;
  if (!std::filesystem::is_regular_file(path, failed))
    throw Error(text("expected a list of pictures at ", path.string(), ", found no file there"));
  if (std::filesystem::file_size(path, failed) > longest_list)
    throw Error(text("expected a list of pictures at ", path.string(), ", it is longer than ",
                     longest_list, " bytes"));
  std::ifstream in(path, std::ios::binary);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) {
    if (line.ends_with('\r')) line.pop_back();
    lines.push_back(std::move(line));
  }
  if (in.bad() || !in.eof()) throw Error(text("expected to read ", path.string(), ", could not"));
  return lines;
}

bool is_plain_name(std::string_view name) {
  const auto unfit = [](char c) {
    return c == '/' || c == '\\' || static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  };
  return !name.empty() && name.size() <= 255 && !name.starts_with('.') &&
         name.find("..") == std::string_view::npos && std::none_of(name.begin(), name.end(), unfit);
}

}  // namespace neurosplat
