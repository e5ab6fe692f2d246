#pragma once

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <vector>

#include "neurosplat/core/error.h"

namespace neurosplat::hdf5 {

/// Bytes of a file that another library has open, by addresses that the file itself names.
class FilePart {
 public:
  /// Addresses count from `base`.
  FilePart(const std::filesystem::path& path, std::uint64_t base)
      : in_(path, std::ios::binary), base_(base), size_(std::filesystem::file_size(path)) {}

  std::uint64_t base() const { return base_; }
  std::uint64_t size() const { return size_; }  ///< of the whole file

  /// Throws Error, half a line, for what the file does not hold.
  std::vector<char> bytes(std::uint64_t address, std::uint64_t count) {
    if (base_ > size_ || address > size_ - base_ || count > size_ - base_ - address) {
      throw Error("texts beyond the end of the file");
    }
    std::vector<char> read(count);
    in_.seekg(static_cast<std::streamoff>(base_ + address));
    if (!in_.read(read.data(), static_cast<std::streamsize>(count))) {
      throw Error("texts that cannot be read");
    }
    return read;
  }

 private:
  std::ifstream in_;
  std::uint64_t base_, size_;
};

/// A little-endian number; the caller sees to it that it is there.
template <class Number>
Number number_at(std::string_view bytes, std::uint64_t place) {
  Number value{};
  std::memcpy(&value, bytes.data() + place, sizeof value);
  return value;
}

}  // namespace neurosplat::hdf5
