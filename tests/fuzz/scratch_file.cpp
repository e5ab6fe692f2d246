#include "fuzz/scratch_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>

namespace neurosplat::fuzz {
namespace {

struct Folder {
  Folder() {
    auto pattern = (std::filesystem::temp_directory_path() / "neurosplat-fuzz-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make " + pattern);
    path = pattern;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  std::filesystem::path path;
};

}  // namespace

const std::filesystem::path& scratch_folder() {
  static const Folder folder;
  return folder.path;
}

ScratchFile::ScratchFile(Bytes bytes, const std::string& name) : path_(scratch_folder() / name) {
  // A new file each time: HDF5 knows a file by its number.
  const int file = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) throw std::runtime_error("cannot write " + path_.string());
  while (!bytes.empty()) {
    const auto written = ::write(file, bytes.data(), bytes.size());
    if (written < 0) throw std::runtime_error("cannot write " + path_.string());
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  ::close(file);
}

ScratchFile::~ScratchFile() {
  ::unlink(path_.c_str());
}

}  // namespace neurosplat::fuzz
