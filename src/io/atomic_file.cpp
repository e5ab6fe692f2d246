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

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() { close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int number() const { return number_; }
  bool close() {
    const int number = std::exchange(number_, -1);
    return number < 0 || ::close(number) == 0;
  }

 private:
  int number_;
};

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
int open_locked(const fs::path& temporary, const fs::path& path) {
  while (true) {
    const int file = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (file < 0) fail(path, errno);
    int locked = 0;
    do {
      locked = ::flock(file, LOCK_EX);
    } while (locked != 0 && errno == EINTR);
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
  const Descriptor opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (opened.number() < 0) fail(path, errno);
  // EINVAL: a file system whose folders cannot be synced.
  if (::fsync(opened.number()) != 0 && errno != EINVAL) fail(path, errno);
}

void check_target(const fs::path& path) {
  std::error_code ignored;
  const auto status = fs::status(path, ignored);
  if (!path.has_filename() || fs::is_directory(status))
    throw Error(text("expected a file to write, ", path.string(), " is a folder: add a name"));
  if (fs::exists(status) && !fs::is_regular_file(status))
    throw Error(text("expected a file to write, ", path.string(),
                     " is a device or a pipe: give another path"));
}

}  // namespace

void write_file_atomically(const fs::path& path,
                           const std::function<void(const ByteSink&)>& write) {
  check_target(path);
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  const fs::path temporary = folder / text(".", path.filename().string(), ".tmp");
  Descriptor file(open_locked(temporary, path));
  try {
    if (::ftruncate(file.number(), 0) != 0) fail(path, errno);
    write([&](const void* bytes, std::size_t count) {
      write_fully(file.number(), bytes, count, path);
    });
    if (::fsync(file.number()) != 0) fail(path, errno);
    if (::rename(temporary.c_str(), path.c_str()) != 0) fail(path, errno);
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
  if (!file.close()) fail(path, errno);
  sync_folder(folder, path);
}

void write_file_atomically(const fs::path& path, std::string_view bytes) {
  write_file_atomically(path, [&](const ByteSink& sink) { sink(bytes.data(), bytes.size()); });
}

}  // namespace neurosplat
