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

namespace neurosplat::apps {
namespace {

namespace fs = std::filesystem;

constexpr const char* kLock = "run.lock";
constexpr std::array<std::string_view, 5> kFiles = {"loss.csv", "metrics.jsonl", "config.json",
                                                    "model.safetensors", "koopman.safetensors"};

fs::path resolved(const fs::path& path) {
  std::error_code failed;
  auto found = fs::weakly_canonical(fs::absolute(path), failed);
  if (failed) throw Error(text(path.string(), ": cannot be followed: ", failed.message()));
  return found.has_filename() ? found : found.parent_path();
}

/// `prefix`, digits, `suffix`.
bool is_numbered(std::string_view name, std::string_view prefix, std::string_view suffix) {
  if (name.size() <= prefix.size() + suffix.size()) return false;
  if (!name.starts_with(prefix) || !name.ends_with(suffix)) return false;
  const auto number = name.substr(prefix.size(), name.size() - prefix.size() - suffix.size());
  return number.find_first_not_of("0123456789") == std::string_view::npos;
}

bool is_checkpoint(std::string_view name) {
  return is_numbered(name, "step-", ".safetensors");
}

bool is_of_a_run(std::string_view name) {
  return std::find(kFiles.begin(), kFiles.end(), name) != kFiles.end() ||
         is_numbered(name, "recon_", ".png") || is_numbered(name, "sample_", ".png") ||
         is_numbered(name, "pred_", ".png");
}

/// Those that are no folders; a killed writer's temporary file counts as what it was to become.
std::vector<fs::path> files_of(const fs::path& folder, bool (*is_ours)(std::string_view)) {
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
    if (!folder_itself && is_ours(written)) found.push_back(entry.path());
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

RunFolder::RunFolder(fs::path path) : path_(std::move(path)) {
  std::error_code failed;
  const auto status = fs::status(path_, failed);
  if (fs::exists(status) && !fs::is_directory(status)) {
    throw UsageError(text("out: expected a folder, ", path_.string(), " is a file"));
  }
  made_ = !fs::exists(status);
  fs::create_directories(path_, failed);
  if (failed) throw Error(text(path_.string(), ": cannot make it: ", failed.message()));
  try {
    lock();
  } catch (...) {
    if (made_) fs::remove(path_, failed);
    throw;
  }
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
  if (made_) fs::remove(path_, ignored);  // fails unless it is empty
}

bool RunFolder::holds_run() const {
  return fs::exists(fs::symlink_status(path_ / "checkpoints")) ||
         !files_of(path_, is_of_a_run).empty();
}

void RunFolder::clear() const {
  const auto checkpoints = path_ / "checkpoints";
  if (!fs::is_symlink(checkpoints)) remove_all_of(files_of(checkpoints, is_checkpoint));
  std::error_code not_empty;
  fs::remove(checkpoints, not_empty);
  remove_all_of(files_of(path_, is_of_a_run));
}

}  // namespace neurosplat::apps
