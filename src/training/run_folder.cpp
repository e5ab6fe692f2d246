#include "neurosplat/training/run_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/event_file.h"
#include "neurosplat/io/outputs.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;

constexpr const char* kLock = "run.lock";
/// What every run writes, and the checkpoints of its folder of them.
const std::string kEvents = "events.out.tfevents";  // those of io/event_file.h
const std::vector<std::string> kFiles = {"loss.csv", "metrics.jsonl", "curves.png", "config.json",
                                         kEvents};
const std::vector<std::string> kCheckpoints = {"step-###.safetensors"};

fs::path resolved(const fs::path& path) {
  std::error_code failed;
  auto found = fs::weakly_canonical(fs::absolute(path), failed);
  if (failed) throw Error(text(path.string(), ": cannot be followed: ", failed.message()));
  return found.has_filename() ? found : found.parent_path();
}

/// Those that are no folders; a killed writer's temporary file counts as what it was to become.
std::vector<fs::path> files_of(const fs::path& folder, const std::vector<std::string>& names) {
  std::vector<fs::path> found;
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(folder, failed)) {
    const auto name = entry.path().filename().string();
    std::string_view written = name;
    if (written.starts_with('.') && written.ends_with(".tmp")) {
      written = written.substr(1, written.size() - 5);
    }
    std::error_code ignored;
    const bool folder_itself = entry.symlink_status(ignored).type() == fs::file_type::directory;
    const auto is_written = [&](const auto& ours) {
      return ours == kEvents ? is_event_file(written) : matches_name(ours, written);
    };
    if (!folder_itself && std::any_of(names.begin(), names.end(), is_written)) {
      found.push_back(entry.path());
    }
  }
  return found;
}

void remove_all_of(const std::vector<fs::path>& files) {
  for (const auto& file : files) {
    std::error_code failed;
    fs::remove(file, failed);
    if (failed) throw Error(text(file.string(), ": cannot be removed: ", failed.message()));
  }
}

bool is_named(int file, const fs::path& path) {
  struct stat opened = {}, named = {};
  return ::fstat(file, &opened) == 0 && ::lstat(path.c_str(), &named) == 0 &&
         opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

std::string holder_of(int lock) {
  std::array<char, 32> digits{};
  const auto count = ::pread(lock, digits.data(), digits.size() - 1, 0);
  const std::string_view id(digits.data(), count > 0 ? static_cast<std::size_t>(count) : 0);
  const auto end = id.find_first_not_of("0123456789");
  return end == 0 || id.empty() ? "" : text(" (process ", id.substr(0, end), ")");
}

}  // namespace

bool same_place(const fs::path& one, const fs::path& other) {
  return resolved(one) == resolved(other);
}

bool lies_in(const fs::path& inner, const fs::path& outer) {
  const auto in = resolved(inner), out = resolved(outer);
  return std::mismatch(out.begin(), out.end(), in.begin(), in.end()).first == out.end();
}

RunFolder::RunFolder(fs::path path, std::vector<std::string> files)
    : path_(std::move(path)), files_(std::move(files)) {
  files_.insert(files_.end(), kFiles.begin(), kFiles.end());
  std::error_code failed;
  const auto status = fs::status(path_, failed);
  if (fs::exists(status) && !fs::is_directory(status)) {
    throw UsageError(text("out: expected a folder, ", path_.string(), " is a file"));
  }
  for (auto folder = path_; !folder.empty() && !fs::exists(fs::status(folder, failed));
       folder = folder.parent_path()) {
    made_.push_back(folder);
  }
  try {
    fs::create_directories(path_, failed);
    if (failed) throw Error(text(path_.string(), ": cannot make it: ", failed.message()));
    lock();
  } catch (...) {
    remove_made();
    throw;
  }
}

void RunFolder::remove_made() const {
  std::error_code not_empty;
  for (const auto& folder : made_) fs::remove(folder, not_empty);
}

/// Until the file that is locked is still the one of that name: its last holder removed it.
void RunFolder::lock() {
  const auto file = path_ / kLock;
  do {
    if (lock_ >= 0) ::close(lock_);
    lock_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666);
    if (lock_ < 0) {
      throw Error(text(path_.string(), ": expected a folder to train in, cannot write ", kLock,
                       " there: ", std::generic_category().message(errno)));
    }
    int locked = 0;
    do {
      locked = ::flock(lock_, LOCK_EX | LOCK_NB);
    } while (locked != 0 && errno == EINTR);
    if (locked == 0) continue;
    const int cause = errno;
    const auto holder = holder_of(lock_);
    ::close(std::exchange(lock_, -1));
    if (cause == EWOULDBLOCK) {
      throw Error(text(path_.string(), ": another training", holder,
                       " is at work in this folder: wait for it, end it, or choose another --out"));
    }
    throw Error(text(path_.string(), ": cannot be locked: ", std::generic_category().message(cause),
                     "; choose a folder on a file system with locks"));
  } while (!is_named(lock_, file));
  const auto id = text(::getpid(), '\n');
  // Only to tell whose it is: the lock holds without it.
  if (::ftruncate(lock_, 0) == 0 && ::pwrite(lock_, id.data(), id.size(), 0) < 0) return;
}

RunFolder::~RunFolder() {
  std::error_code ignored;
  fs::remove(path_ / kLock, ignored);
  ::close(lock_);
  remove_made();
}

bool RunFolder::holds_run() const {
  return fs::exists(fs::symlink_status(path_ / "checkpoints")) || !files_of(path_, files_).empty();
}

void RunFolder::clear() const {
  const auto checkpoints = path_ / "checkpoints";
  if (!fs::is_symlink(checkpoints)) remove_all_of(files_of(checkpoints, kCheckpoints));
  std::error_code not_empty;
  fs::remove(checkpoints, not_empty);
  remove_all_of(files_of(path_, files_));
}

}  // namespace neurosplat
