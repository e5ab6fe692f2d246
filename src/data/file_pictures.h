#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "neurosplat/data/picture_source.h"

namespace neurosplat {

/// Pictures in files below one folder.
class FilePictures : public PictureSource {
 public:
  /// `names` are paths below `folder`; `first_crop` as decode_centre_square takes it.
  FilePictures(std::filesystem::path folder, std::vector<std::string> names,
               std::int64_t first_crop = 0);

  std::int64_t size() const override;
  std::string name(std::int64_t index) const override;
  void decode(std::int64_t index, std::int64_t side, std::uint8_t* planes) const override;
  std::uintmax_t file_bytes(std::int64_t index) const override;

 private:
  std::filesystem::path folder_;
  std::vector<std::string> names_;
  std::int64_t first_crop_;
};

/// Throws Error when `index` is not below `size`.
void check_index(std::int64_t index, std::int64_t size);

/// The names of those files that are in `folder`; one warning with the count and the first when
/// some are not, an Error when none is.
std::vector<std::string> keep_present(const std::filesystem::path& folder,
                                      const std::vector<std::string>& names,
                                      const std::string& split);

/// The lines of a list of files, without line ends. Refuses what is no regular file or too long
/// for a list.
std::vector<std::string> read_list(const std::filesystem::path& path);

/// Whether a name from a list is that of a file in one folder: no separator, no "..", nothing
/// unprintable.
bool is_plain_name(std::string_view name);

}  // namespace neurosplat
