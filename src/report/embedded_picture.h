#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace neurosplat::report {

/// Pictures as data URIs, so that a page needs no other file; so many bytes of them in all.
class EmbeddedPictures {
 public:
  explicit EmbeddedPictures(std::uint64_t most_bytes) : left_(most_bytes) {}

  /// An <img> of the picture: its file as it is where that is small, else at most 1,600 pixels a
  /// side as JPEG. Empty where it is broken, or where no bytes are left; see notes().
  std::string image(const std::filesystem::path& path);

  /// What was left out, and why.
  std::vector<std::string> notes() const;

 private:
  std::uint64_t left_;
  std::size_t without_room_ = 0;
  std::vector<std::string> notes_;
};

}  // namespace neurosplat::report
