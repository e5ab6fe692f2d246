#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace neurosplat {

enum class DatasetKind { flowers, flowers_large, celeba, cifar10, folder, smoke, synthetic };

/// "flowers", "celeba", ...; throws UsageError that lists the names for anything else.
DatasetKind dataset_from_name(const std::string& name);
std::string name_of(DatasetKind kind);
std::vector<std::string> dataset_names();

/// Pictures of one split of one data set, decoded one at a time. Safe to call from several
/// threads.
class PictureSource {
 public:
  virtual ~PictureSource() = default;
  virtual std::int64_t size() const = 0;
  /// What to call picture `index` in messages and tables: its path below the root, say.
  virtual std::string name(std::int64_t index) const = 0;
  /// What tells picture `index` from all others, whatever source gives it: a file's canonical
  /// path, say.
  virtual std::string identity(std::int64_t index) const { return name(index); }
  /// Writes picture `index` as RGB planes, uint8 [3, side, side], short side scaled, centre
  /// cropped. Throws Error, one line that names the file, when it is missing or corrupt.
  virtual void decode(std::int64_t index, std::int64_t side, std::uint8_t* planes) const = 0;
  /// Bytes of the file that holds picture `index` alone; 0 where there is none.
  virtual std::uintmax_t file_bytes(std::int64_t) const { return 0; }
  /// 16 hexadecimal digits that tell lists apart: of names in their order and of their files'
  /// sizes. Wherever the root lies, the same list has the same hash.
  std::string list_hash() const;
};

/// Which pictures to open.
struct PictureRequest {
  DatasetKind kind = DatasetKind::flowers;
  std::filesystem::path root;
  /// Splits to take, of "train", "val", "test"; several are joined in this order. Folders have
  /// no splits of their own and hold out a seeded tenth as "test" (see data/README.md).
  std::vector<std::string> splits = {"train", "val"};
  std::uint64_t seed = 0;  ///< of generated pictures
  /// Of a folder's held-out tenth: it belongs to the data, so it is no run's seed.
  std::uint64_t split_seed = 0;
};

/// Opens a data set. Layouts: data/README.md. Throws Error (missing folder, no pictures: says
/// what was expected where) or UsageError (unknown split).
std::unique_ptr<PictureSource> open_pictures(const PictureRequest& request);

/// Every picture below `folder` (jpg, jpeg, png, bmp, webp, any case), sorted by path, without
/// splits.
std::unique_ptr<PictureSource> open_folder(const std::filesystem::path& folder);

/// How many of `these` pictures are in `those` too, by their identity.
std::int64_t count_shared(const PictureSource& these, const PictureSource& those);

/// `count` pictures of `source` chosen by `seed`, in the source's order; all of them when it has
/// no more.
std::shared_ptr<const PictureSource> seeded_subset(std::shared_ptr<const PictureSource> source,
                                                   std::int64_t count, std::uint64_t seed);

}  // namespace neurosplat
