#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string_view>

namespace neurosplat {

/// A file that appears at `path` whole or not at all: written to a temporary file beside it, which
/// `commit` syncs and renames over it. Leftovers of a killed writer are replaced by the next one.
/// Everything throws Error that says what the system said; without a commit nothing is left. A
/// device such as /dev/null is handed the bytes as they come.
class AtomicFile {
 public:
  /// Another writer of the same path is waited for, or is an Error where `wait` is false.
  explicit AtomicFile(std::filesystem::path path, bool wait = true);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(const void* bytes, std::size_t count);
  /// Bytes that were written before, anew; not of a device. `offset` counts from the beginning.
  void rewrite(std::size_t offset, const void* bytes, std::size_t count);
  /// Once; the folder is synced as well.
  void commit();

 private:
  std::filesystem::path path_, temporary_;
  int file_ = -1;
};

/// Takes bytes for a file that is being written. Throws Error when the disk does not take them.
using ByteSink = std::function<void(const void* bytes, std::size_t count)>;

/// An AtomicFile that `write` fills in one go.
void write_file_atomically(const std::filesystem::path& path,
                           const std::function<void(const ByteSink&)>& write);

void write_file_atomically(const std::filesystem::path& path, std::string_view bytes);

}  // namespace neurosplat
