#include "recordings/text_heaps.h"

#include <zlib.h>

#include <algorithm>
#include <map>
#include <string_view>

#include "neurosplat/core/error.h"
#include "recordings/file_part.h"
#include "recordings/hdf5_file.h"
#include "recordings/object_header.h"

namespace neurosplat::hdf5 {
namespace {

/// A text's place: its length, a heap's address and a number in it. A heap begins with GCOL, a
/// version and its size; each object with a number, a count, its size (HDF5 File Format
/// Specification 3.0, III.E).
constexpr std::uint64_t kReference = 16, kHeader = 16, kAlignment = 8;
constexpr std::uint64_t kLargestHeap = 1U << 28U, kMostBytes = 1U << 28U, kMostChunk = 1U << 28U;
constexpr std::uint64_t kLongestText = 1U << 16U;
/// HDF5 1.10 goes through all chunks for each.
constexpr hsize_t kMostChunks = 1U << 14U;

FilePart part_of(const std::filesystem::path& path, hid_t file) {
  const Handle creation(H5Fget_create_plist(file), H5Pclose);
  std::size_t address_bytes = 0, length_bytes = 0;
  hsize_t base = 0;
  if (H5Pget_sizes(creation.get(), &address_bytes, &length_bytes) < 0 ||
      H5Pget_userblock(creation.get(), &base) < 0 || address_bytes != 8 || length_bytes != 8) {
    throw Error("addresses that are not of 64 bits");
  }
  return {path, base};
}

std::string trimmed(std::string_view letters) {
  std::string text(letters.substr(0, letters.find('\0')));
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

class Heaps {
 public:
  explicit Heaps(FilePart& file) : file_(file) {}

  /// The text of the reference at `place`.
  std::string text(std::string_view references, std::uint64_t place) {
    const auto length = number_at<std::uint32_t>(references, place);
    const auto address = number_at<std::uint64_t>(references, place + 4);
    const auto number = number_at<std::uint32_t>(references, place + 12);
    if (length == 0 || address == 0) return {};
    const auto& objects = heap_at(address);
    const auto found = objects.find(number);
    if (found == objects.end() || found->second.size < length) {
      throw Error("texts that their heap does not hold");
    }
    bytes_ += length;
    if (length > kLongestText || bytes_ > kMostBytes) {
      throw Error("texts of more than 64 KiB, or of 256 MiB in all");
    }
    const auto letters = file_.bytes(found->second.address, length);
    return trimmed({letters.data(), letters.size()});
  }

 private:
  struct Object {
    std::uint64_t address, size;
  };
  using Objects = std::map<std::uint32_t, Object>;

  const Objects& heap_at(std::uint64_t address) {
    const auto [heap, fresh] = heaps_.try_emplace(address);
    if (!fresh) return heap->second;
    const auto header = file_.bytes(address, kHeader);
    const std::string_view seen(header.data(), header.size());
    const auto size = number_at<std::uint64_t>(seen, 8);
    if (!seen.starts_with(std::string_view("GCOL\1", 5)) || size < kHeader || size > kLargestHeap) {
      throw Error("texts outside of any heap");
    }
    // Heaps do not overlap: all of them together are no longer than the file.
    looked_through_ += size;
    if (looked_through_ > file_.size()) throw Error("texts in heaps that overlap");
    const auto all = file_.bytes(address, size);
    find_objects(address, {all.data(), all.size()}, heap->second);
    return heap->second;
  }

  static void find_objects(std::uint64_t address, std::string_view all, Objects& objects) {
    for (std::uint64_t at = kHeader; at + kHeader <= all.size();) {
      const auto number = number_at<std::uint16_t>(all, at);
      const auto length = number_at<std::uint64_t>(all, at + 8);
      const auto left = all.size() - at;
      // Number 0 is free room, whose size counts its header.
      const bool fits =
          number == 0 ? length >= kHeader && length <= left : length <= left - kHeader;
      if (!fits) throw Error("texts in a heap whose sizes are wrong");
      if (number != 0) objects[number] = {address + at + kHeader, length};
      at += number == 0 ? length : kHeader + (length + kAlignment - 1) / kAlignment * kAlignment;
    }
  }

  FilePart& file_;
  std::map<std::uint64_t, Objects> heaps_;
  std::uint64_t bytes_ = 0, looked_through_ = 0;
};

/// Undoes what a chunk was packed with, the last filter first.
std::vector<char> unpacked(std::vector<char> bytes, std::uint64_t size, hid_t made,
                           std::uint32_t skipped) {
  for (int i = H5Pget_nfilters(made); i-- > 0;) {
    if ((skipped >> static_cast<unsigned>(i) & 1U) != 0) continue;
    unsigned flags = 0, options = 0;
    std::size_t values = 0;
    const auto filter = H5Pget_filter2(made, static_cast<unsigned>(i), &flags, &values, nullptr, 0,
                                       nullptr, &options);
    std::vector<char> plain(size);
    if (filter == H5Z_FILTER_DEFLATE) {
      auto length = static_cast<uLongf>(size);
      const int status = uncompress(reinterpret_cast<Bytef*>(plain.data()), &length,
                                    reinterpret_cast<const Bytef*>(bytes.data()),
                                    static_cast<uLong>(bytes.size()));
      if (status != Z_OK || length != size) throw Error("texts whose packing is damaged");
    } else if (filter == H5Z_FILTER_SHUFFLE && bytes.size() == size) {
      const auto elements = size / kReference;
      for (std::uint64_t at = 0; at < size; ++at) {
        plain[at] = bytes[at % kReference * elements + at / kReference];
      }
    } else {
      throw Error("texts packed by another filter than deflate and shuffle");
    }
    bytes = std::move(plain);
  }
  if (bytes.size() != size) throw Error("texts in a chunk of another size");
  return bytes;
}

/// References of a dataset in chunks, one after the other; zero where no chunk was written.
std::vector<char> references_in_chunks(hid_t set, hid_t made, std::uint64_t count) {
  hsize_t chunk = 0, chunks = 0;
  const Handle space(H5Dget_space(set), H5Sclose);  // H5S_ALL is not taken for it
  if (H5Pget_chunk(made, 1, &chunk) != 1 || chunk == 0 || chunk > kMostChunk / kReference ||
      H5Dget_num_chunks(set, space.get(), &chunks) < 0 || chunks > kMostChunks) {
    throw Error("texts in chunks that are too large or too many");
  }
  std::vector<char> all(count * kReference);
  for (hsize_t i = 0; i < chunks; ++i) {
    hsize_t first = 0, stored = 0;
    unsigned mask = 0;
    haddr_t address = HADDR_UNDEF;
    if (H5Dget_chunk_info(set, space.get(), i, &first, &mask, &address, &stored) < 0 ||
        address == HADDR_UNDEF || stored > kMostChunk) {
      throw Error("texts in chunks that are not there");
    }
    if (first >= count) continue;
    std::vector<char> bytes(stored);
    std::uint32_t skipped = 0;
    if (H5Dread_chunk(set, H5P_DEFAULT, &first, &skipped, bytes.data()) < 0) {
      throw Error("texts in a chunk that cannot be read");
    }
    const auto plain = unpacked(std::move(bytes), chunk * kReference, made, skipped);
    const auto here = std::min<std::uint64_t>(chunk, count - first) * kReference;
    std::copy_n(plain.begin(), here, all.begin() + static_cast<std::ptrdiff_t>(first * kReference));
  }
  return all;
}

std::vector<char> references_of(FilePart& file, hid_t set, std::uint64_t count) {
  const Handle made(H5Dget_create_plist(set), H5Pclose);
  switch (H5Pget_layout(made.get())) {
    case H5D_CONTIGUOUS: {
      const auto address = H5Dget_offset(set);  // from the file's beginning
      if (address == HADDR_UNDEF) return std::vector<char>(count * kReference);
      if (address < file.base()) throw Error("texts beyond the end of the file");
      return file.bytes(address - file.base(), count * kReference);
    }
    case H5D_CHUNKED:
      return references_in_chunks(set, made.get(), count);
    default:
      throw Error("texts in a dataset that is neither contiguous nor in chunks");
  }
}

}  // namespace

std::vector<std::string> heap_texts(const std::filesystem::path& path, hid_t file, hid_t set,
                                    std::uint64_t count) {
  auto part = part_of(path, file);
  const auto references = references_of(part, set, count);
  Heaps heaps(part);
  std::vector<std::string> texts;
  for (std::uint64_t i = 0; i < count; ++i) {
    texts.push_back(heaps.text({references.data(), references.size()}, i * kReference));
  }
  return texts;
}

std::optional<std::string> attribute_text(const std::filesystem::path& path, hid_t file,
                                          const std::string& object, const std::string& name) {
  H5O_info_t info;
  if (H5Oget_info_by_name2(file, object.c_str(), &info, H5O_INFO_BASIC, H5P_DEFAULT) < 0) {
    throw Error("an object that cannot be found");
  }
  auto part = part_of(path, file);
  const auto stored = stored_text(part, info.addr, name);
  if (!stored) return std::nullopt;
  if (!stored->in_a_heap) return trimmed(stored->data);
  if (stored->data.size() < kReference) throw Error("an attribute that is cut short");
  return Heaps(part).text(stored->data, 0);
}

}  // namespace neurosplat::hdf5
