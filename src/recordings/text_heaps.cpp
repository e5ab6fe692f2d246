#include "recordings/text_heaps.h"

#include <cstring>
#include <fstream>
#include <map>
#include <string_view>
#include <vector>

#include "neurosplat/core/error.h"
#include "recordings/hdf5_file.h"

namespace neurosplat::hdf5 {
namespace {

/// A text's place: its length, a heap's address and a number in it. A heap begins with GCOL, a
/// version and its size; each object with a number, a count, its size (HDF5 File Format
/// Specification 3.0, III.E).
constexpr std::uint64_t kReference = 16, kHeader = 16, kAlignment = 8;
constexpr std::uint64_t kLargestHeap = 1U << 28U;

template <class Number>
Number number_at(const std::vector<char>& bytes, std::uint64_t place) {
  Number value{};
  std::memcpy(&value, bytes.data() + place, sizeof value);
  return value;
}

class Heaps {
 public:
  Heaps(const std::filesystem::path& path, std::uint64_t base)
      : in_(path, std::ios::binary), base_(base), size_(std::filesystem::file_size(path)) {}

  std::vector<char> bytes(std::uint64_t address, std::uint64_t count) {
    if (address > size_ || count > size_ - address) throw Error("texts beyond the end of the file");
    std::vector<char> read(count);
    in_.seekg(static_cast<std::streamoff>(address));
    if (!in_.read(read.data(), static_cast<std::streamsize>(count))) {
      throw Error("texts that cannot be read");
    }
    return read;
  }

  void check_references(const std::vector<char>& references) {
    for (std::uint64_t at = 0; at + kReference <= references.size(); at += kReference) {
      const auto length = number_at<std::uint32_t>(references, at);
      const auto address = number_at<std::uint64_t>(references, at + 4);
      const auto number = number_at<std::uint32_t>(references, at + 12);
      if (length == 0 || address == 0) continue;
      const auto& sizes = heap_at(address);
      const auto found = sizes.find(number);
      if (found == sizes.end() || found->second < length) {
        throw Error("texts that their heap does not hold");
      }
    }
  }

 private:
  /// Sizes of the objects of a heap.
  const std::map<std::uint32_t, std::uint64_t>& heap_at(std::uint64_t address) {
    const auto [heap, fresh] = heaps_.try_emplace(address);
    if (!fresh) return heap->second;
    if (address > size_ - base_) throw Error("texts in a heap beyond the end of the file");
    const auto header = bytes(base_ + address, kHeader);
    const auto size = number_at<std::uint64_t>(header, 8);
    if (std::string_view(header.data(), 5) != std::string_view("GCOL\1", 5) || size < kHeader ||
        size > kLargestHeap) {
      throw Error("texts outside of any heap");
    }
    const auto all = bytes(base_ + address, size);
    for (std::uint64_t at = kHeader; at + kHeader <= size;) {
      const auto number = number_at<std::uint16_t>(all, at);
      const auto length = number_at<std::uint64_t>(all, at + 8);
      const auto left = size - at;
      // Number 0 is free room, whose size counts its header.
      const bool fits =
          number == 0 ? length >= kHeader && length <= left : length <= left - kHeader;
      if (!fits) throw Error("texts in a heap whose sizes are wrong");
      if (number != 0) heap->second[number] = length;
      at += number == 0 ? length : kHeader + (length + kAlignment - 1) / kAlignment * kAlignment;
    }
    return heap->second;
  }

  std::ifstream in_;
  std::uint64_t base_, size_;
  std::map<std::uint64_t, std::map<std::uint32_t, std::uint64_t>> heaps_;
};

}  // namespace

void check_text_heaps(const std::filesystem::path& path, hid_t file, hid_t set,
                      std::uint64_t count) {
  const Handle creation(H5Fget_create_plist(file), H5Pclose);
  std::size_t address_bytes = 0, length_bytes = 0;
  hsize_t base = 0;
  if (H5Pget_sizes(creation.get(), &address_bytes, &length_bytes) < 0 ||
      H5Pget_userblock(creation.get(), &base) < 0 || address_bytes != 8 || length_bytes != 8) {
    throw Error("addresses that are not of 64 bits");
  }
  Heaps heaps(path, base);
  const Handle made(H5Dget_create_plist(set), H5Pclose);
  if (H5Pget_layout(made.get()) == H5D_CONTIGUOUS) {
    const auto address = H5Dget_offset(set);
    if (address != HADDR_UNDEF) heaps.check_references(heaps.bytes(address, count * kReference));
    return;
  }
  hsize_t chunks = 0;
  if (H5Pget_layout(made.get()) != H5D_CHUNKED || H5Pget_nfilters(made.get()) != 0 ||
      H5Dget_num_chunks(set, H5S_ALL, &chunks) < 0) {
    return;
  }
  for (hsize_t i = 0; i < chunks; ++i) {
    hsize_t first = 0, size = 0;
    unsigned mask = 0;
    haddr_t address = HADDR_UNDEF;
    if (H5Dget_chunk_info(set, H5S_ALL, i, &first, &mask, &address, &size) < 0 ||
        address == HADDR_UNDEF) {
      throw Error("texts in chunks that are not there");
    }
    heaps.check_references(heaps.bytes(address, size));
  }
}

}  // namespace neurosplat::hdf5
