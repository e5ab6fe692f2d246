#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <vector>

namespace neurosplat {

/// A regular file opened for reading, and its length in bytes.
struct OpenFile {
  std::ifstream stream;
  std::uint64_t size;
};

/// Opens `path`; throws Error, which says that `expected` was looked for there, when it is
/// missing, a folder, or cannot be read.
OpenFile open_file(const std::filesystem::path& path, std::string_view expected);

/// All bytes of a file. Throws as open_file, and when there are more than `most`.
std::vector<std::uint8_t> read_bytes(const std::filesystem::path& path, std::string_view expected,
                                     std::uint64_t most);

}  // namespace neurosplat
