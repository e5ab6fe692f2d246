#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <system_error>
#include <utility>

#include "data/file_pictures.h"
#include "data/sources.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/image_file.h"

namespace neurosplat {
namespace {

constexpr std::int64_t side_pixels = 32;
constexpr std::int64_t picture_bytes = 3 * side_pixels * side_pixels;
constexpr std::int64_t record_bytes = 1 + picture_bytes;  // the class, then the planes
constexpr std::uint8_t classes = 10;

struct RecordFile {
  std::string name;
  std::int64_t records;
};

class Cifar10 : public PictureSource {
 public:
  Cifar10(std::filesystem::path folder, std::vector<RecordFile> files)
      : folder_(std::move(folder)), files_(std::move(files)) {
    for (const auto& file : files_) size_ += file.records;
  }

  std::int64_t size() const override { return size_; }

  std::string name(std::int64_t index) const override {
    const auto [file, record] = place_of(index);
    return text(file, ":", record);
  }

  std::string identity(std::int64_t index) const override {
    const auto [file, record] = place_of(index);
    return text(canonical_text(folder_ / file), ":", record);
  }

  void decode(std::int64_t index, std::int64_t side, std::uint8_t* planes) const override {
    const auto [file, record] = place_of(index);
    std::array<std::uint8_t, record_bytes> bytes{};
    std::ifstream in(folder_ / file, std::ios::binary);
    in.seekg(record * record_bytes);
    if (!in.read(reinterpret_cast<char*>(bytes.data()), record_bytes) || bytes[0] >= classes)
      throw Error(text("expected a picture at record ", record, " of ", (folder_ / file).string(),
                       ", it cannot be read or its class is not 0 to 9"));
    const auto picture = at::from_blob(bytes.data() + 1, {3, side_pixels, side_pixels}, at::kByte);
    const auto square = centre_square(picture, side);
    std::memcpy(planes, square.const_data_ptr<std::uint8_t>(), square.nbytes());
  }

 private:
  std::pair<std::string, std::int64_t> place_of(std::int64_t index) const {
    check_index(index, size_);
    auto file = files_.begin();
    for (; index >= file->records; ++file) index -= file->records;
    return {file->name, index};
  }

  std::filesystem::path folder_;
  std::vector<RecordFile> files_;
  std::int64_t size_ = 0;
};

std::filesystem::path cifar10_folder(const std::filesystem::path& root) {
  std::error_code failed;
  for (const auto& folder : {root / "cifar-10-batches-bin", root})
    if (std::filesystem::is_regular_file(folder / "data_batch_1.bin", failed) ||
        std::filesystem::is_regular_file(folder / "test_batch.bin", failed))
      return folder;
  throw Error(
      text("expected CIFAR-10's binary version (data_batch_1.bin to data_batch_5.bin, "
           "test_batch.bin) in ",
           root.string(), " or its cifar-10-batches-bin, found it in neither"));
}

RecordFile checked(const std::filesystem::path& folder, const std::string& name) {
  std::error_code failed;
  const auto path = folder / name;
  const auto bytes = std::filesystem::is_regular_file(path, failed)
                         ? static_cast<std::int64_t>(std::filesystem::file_size(path, failed))
                         : 0;
  if (failed || bytes <= 0 || bytes % record_bytes != 0)
    throw Error(text("expected records of ", record_bytes, " bytes in ", path.string(), ", found ",
                     std::max<std::int64_t>(bytes, 0), " bytes: fetch the file again"));
  return {name, bytes / record_bytes};
}

}  // namespace

std::unique_ptr<PictureSource> open_cifar10(const PictureRequest& request) {
  const auto folder = cifar10_folder(request.root);
  std::vector<RecordFile> files;
  for (const auto& split : request.splits) {
    if (split == "train")
      for (int batch = 1; batch <= 5; ++batch)
        files.push_back(checked(folder, text("data_batch_", batch, ".bin")));
    if (split == "test") files.push_back(checked(folder, "test_batch.bin"));
  }
  return std::make_unique<Cifar10>(folder, std::move(files));
}

}  // namespace neurosplat
