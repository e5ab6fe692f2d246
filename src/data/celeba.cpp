#include <array>
#include <system_error>
#include <unordered_set>
#include <utility>

#include "data/file_pictures.h"
#include "data/sources.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"

namespace neurosplat {
namespace {

constexpr std::int64_t face_crop = 178;  // pixels, the short side of an aligned picture

std::filesystem::path celeba_folder(const std::filesystem::path& root) {
  std::error_code failed;
  for (const auto& folder : {root, root / "celeba"})
    if (std::filesystem::is_directory(folder / "img_align_celeba", failed) &&
        std::filesystem::is_regular_file(folder / "list_eval_partition.txt", failed))
      return folder;
  throw Error(text("expected CelebA (img_align_celeba/000001.jpg ..., list_eval_partition.txt) in ",
                   root.string(), " or its celeba, found not both in either"));
}

// The file names of train, val and test. A picture in two of them would be trained on and then
// measured as unseen.
std::array<std::vector<std::string>, 3> read_partitions(const std::filesystem::path& list) {
  std::array<std::vector<std::string>, 3> partitions;
  std::unordered_set<std::string> seen;
  const auto lines = read_list(list);
  for (std::size_t row = 0; row < lines.size(); ++row) {
    const auto& line = lines[row];
    if (line.empty()) continue;
    const auto space = line.find(' ');
    const auto name = line.substr(0, space);
    const char digit = line.back();
    if (line.find_first_not_of(' ', space) != line.size() - 1 || digit < '0' || digit > '2' ||
        !is_plain_name(name) || !seen.insert(name).second)
      throw Error(text("expected a plain file name, each once, and 0, 1 or 2 in line ", row + 1,
                       " of ", list.string(), ": fetch the file again"));
    partitions[static_cast<std::size_t>(digit - '0')].push_back(name);
  }
  return partitions;
}

}  // namespace

std::unique_ptr<PictureSource> open_celeba(const PictureRequest& request) {
  const auto folder = celeba_folder(request.root);
  const auto partitions = read_partitions(folder / "list_eval_partition.txt");
  std::vector<std::string> files;
  for (const auto& split : request.splits) {
    const auto kept =
        keep_present(folder / "img_align_celeba", partitions[split_index(split)], split);
    files.insert(files.end(), kept.begin(), kept.end());
  }
  return std::make_unique<FilePictures>(folder / "img_align_celeba", std::move(files), face_crop);
}

}  // namespace neurosplat
