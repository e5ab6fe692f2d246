#include "neurosplat/io/atomic_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& path, int cause) {
  throw Error(text("expected to write ", path.string(),
                   ", the system said: ", std::generic_category().message(cause),
                   ": check that its folder exists, may be written and has room"));
}

bool same_file(int descriptor, const fs::path& path) {
  struct stat opened = {}, named = {};
  return ::fstat(descriptor, &opened) == 0 && ::lstat(path.c_str(), &named) == 0 &&
         opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

// The temporary name is fixed, so that a killed writer leaves at most one file. The lock, which
// goes with its owner, keeps a second writer out until the first has renamed; what was opened
// then is no longer the temporary file, hence the loop.
int open_locked(const fs::path& temporary, const fs::path& path, bool wait) {
  while (true) {
    const int file = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (file < 0) fail(path, errno);
    int locked = 0;
    do {
      locked = ::flock(file, wait ? LOCK_EX : LOCK_EX | LOCK_NB);
    } while (locked != 0 && errno == EINTR);
    if (locked != 0 && errno == EWOULDBLOCK) {
      ::close(file);
      throw Error(text("expected to write ", path.string(),
                       ", another program is writing it: give another name"));
    }
    // A file system without locks is no reason not to write.
    if (same_file(file, temporary)) return file;
    ::close(file);
  }
}

void write_fully(int file, const void* bytes, std::size_t count, const fs::path& path) {
  const char* next = static_cast<const char*>(bytes);
  while (count > 0) {
    const ssize_t written = ::write(file, next, count);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail(path, errno);
    next += written;
    count -= static_cast<std::size_t>(written);
  }
}

void sync_folder(const fs::path& folder, const fs::path& path) {
  const int opened = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (opened < 0) fail(path, errno);
  const int cause = ::fsync(opened) == 0 ? 0 : errno;
  ::close(opened);
  // EINVAL: a file system whose folders cannot be synced.
  if (cause != 0 && cause != EINVAL) fail(path, cause);
}

void check_target(const fs::path& path) {
  std::error_code ignored;
  const auto status = fs::status(path, ignored);
  if (!path.has_filename() || fs::is_directory(status))
    throw Error(text("expected a file to write, ", path.string(), " is a folder: add a name"));
  if (fs::exists(status) && !fs::is_regular_file(status) && !fs::is_character_file(status))
    throw Error(
        text("expected a file to write, ", path.string(), " is no file: give another path"));
}

bool is_device(const fs::path& path) {
  std::error_code ignored;
  return fs::is_character_file(path, ignored);
}

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

}  // namespace

AtomicFile::AtomicFile(fs::path path, bool wait) : path_(std::move(path)) {
  check_target(path_);
  if (is_device(path_)) {
    file_ = ::open(path_.c_str(), O_WRONLY | O_CLOEXEC);
    if (file_ < 0) fail(path_, errno);
    return;
  }
  temporary_ = folder_of(path_) / text(".", path_.filename().string(), ".tmp");
  file_ = open_locked(temporary_, path_, wait);
  if (::ftruncate(file_, 0) == 0) return;
  const int cause = errno;
  ::close(file_);
  fail(path_, cause);
}

AtomicFile::~AtomicFile() {
  if (file_ < 0) return;
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
  ::close(file_);
}

void AtomicFile::write(const void* bytes, std::size_t count) {
  write_fully(file_, bytes, count, path_);
}

void AtomicFile::rewrite(std::size_t offset, const void* bytes, std::size_t count) {
  const auto written = ::pwrite(file_, bytes, count, static_cast<off_t>(offset));
  if (written < 0) fail(path_, errno);
  if (static_cast<std::size_t>(written) != count) fail(path_, ENOSPC);
}

void AtomicFile::commit() {
  if (temporary_.empty()) {
    if (::close(std::exchange(file_, -1)) != 0) fail(path_, errno);
    return;
  }
  if (::fsync(file_) != 0) fail(path_, errno);
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail(path_, errno);
  if (::close(std::exchange(file_, -1)) != 0) fail(path_, errno);
  sync_folder(folder_of(path_), path_);
}

void write_file_atomically(const fs::path& path,
                           const std::function<void(const ByteSink&)>& write) {
  AtomicFile file(path);
  write([&](const void* bytes, std::size_t count) { file.write(bytes, count); });
  file.commit();
}

void write_file_atomically(const fs::path& path, std::string_view bytes) {
  write_file_atomically(path, [&](const ByteSink& sink) { sink(bytes.data(), bytes.size()); });
}

}  // namespace neurosplat
