#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

/// Folders of results as tests make them.
namespace neurosplat::testing {

inline void write(const std::filesystem::path& path, const std::string& bytes) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

inline std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace neurosplat::testing
