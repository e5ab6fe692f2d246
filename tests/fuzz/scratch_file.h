#pragma once

#include <filesystem>
#include <string>

#include "fuzz/case.h"

namespace neurosplat::fuzz {

/// A folder of this process below the folder for temporary files (TMPDIR; scripts/fuzz.sh names one
/// in memory). It goes when the process ends in order.
const std::filesystem::path& scratch_folder();

/// A file of these bytes, which goes with the object: most readers take a path.
class ScratchFile {
 public:
  explicit ScratchFile(Bytes bytes, const std::string& name = "case");
  ~ScratchFile();
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace neurosplat::fuzz
