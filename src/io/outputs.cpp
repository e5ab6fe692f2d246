#include "neurosplat/io/outputs.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <string_view>
#include <system_error>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/image_file.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;

bool is_digit(char c) {
  return std::isdigit(static_cast<unsigned char>(c)) != 0;
}

bool is_series(std::string_view pattern) {
  return pattern.find('#') != std::string_view::npos;
}

std::vector<fs::path> files_of_series(const fs::path& folder, const std::string& pattern) {
  std::vector<fs::path> files;
  std::error_code failed;
  for (fs::directory_iterator it(folder, failed), end; !failed && it != end; it.increment(failed)) {
    if (matches_name(pattern, it->path().filename().string())) files.push_back(it->path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

bool lies_in(const fs::path& path, const fs::path& folder) {
  const auto [end, ignored] = std::mismatch(folder.begin(), folder.end(), path.begin(), path.end());
  return end == folder.end() && path != folder;
}

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(fs::symlink_status(path, ignored));
}

bool is_device(const fs::path& path) {
  std::error_code ignored;
  return fs::is_character_file(fs::status(path, ignored));
}

UsageError not_its_own(const std::string& option, const fs::path& path, const std::string& whose) {
  return UsageError(text("--", option, ": expected a name of its own, ", path.string(), " is ",
                         whose, ": give another"));
}

/// Folders made for a trial, gone with the object.
class TrialFolders {
 public:
  /// Makes `folder` and those above it that are missing; an errno, 0 for done.
  int make(const fs::path& folder) {
    std::error_code ignored;
    if (folder.empty() || fs::is_directory(folder, ignored)) return 0;
    if (const int failed = make(folder.parent_path()); failed != 0) return failed;
    if (::mkdir(folder.c_str(), 0777) != 0) return errno == EEXIST ? 0 : errno;
    made_.push_back(folder);
    return 0;
  }
  TrialFolders() = default;
  TrialFolders(const TrialFolders&) = delete;
  TrialFolders& operator=(const TrialFolders&) = delete;
  ~TrialFolders() {
    for (auto it = made_.rbegin(); it != made_.rend(); ++it) ::rmdir(it->c_str());
  }

 private:
  std::vector<fs::path> made_;
};

/// Whether a file of that name can be made; an errno, 0 for yes. Permissions do not say it all: a
/// file system may be read-only or full. The trial's name is that of the file while it is written.
int try_file(const fs::path& file) {
  const auto trial = file.parent_path() / text(".", file.filename().string(), ".tmp");
  const int made = ::open(trial.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (made < 0) return errno == EEXIST ? 0 : errno;  // a killed writer's, or one at work
  ::close(made);
  ::unlink(trial.c_str());
  return 0;
}

[[noreturn]] void cannot_write(const std::string& option, const fs::path& path, int cause) {
  throw Error(text("--", option, ": expected a place to write ", path.string(),
                   ", the system said: ", std::generic_category().message(cause),
                   ": give another"));
}

/// Absolute, so that it has a folder.
void try_to_write(const std::string& option, const fs::path& given, bool in_new_folders) {
  std::error_code ignored;
  const auto file = fs::absolute(given, ignored);
  const auto folder = file.parent_path();
  TrialFolders trial;
  if (in_new_folders) {
    if (const int cause = trial.make(folder); cause != 0) cannot_write(option, given, cause);
  } else if (!fs::is_directory(folder, ignored)) {
    throw Error(text("--", option, ": expected the folder of ", given.string(),
                     ", there is none: make it first"));
  }
  if (const int cause = try_file(file); cause != 0) cannot_write(option, given, cause);
}

}  // namespace

bool matches_name(std::string_view pattern, std::string_view name) {
  if (!is_series(pattern)) return pattern == name;
  const auto before = pattern.substr(0, pattern.find('#'));
  const auto after = pattern.substr(pattern.rfind('#') + 1);
  if (name.size() <= before.size() + after.size() || !name.starts_with(before) ||
      !name.ends_with(after)) {
    return false;
  }
  const auto number = name.substr(before.size(), name.size() - before.size() - after.size());
  return std::all_of(number.begin(), number.end(), is_digit);
}

Outputs::Place Outputs::place_of(const fs::path& path) {
  std::error_code failed;
  auto canonical = fs::weakly_canonical(fs::absolute(path, failed), failed);
  if (failed) canonical = fs::absolute(path, failed);
  canonical = canonical.lexically_normal();
  if (!canonical.has_filename()) canonical = canonical.parent_path();
  struct stat found = {};
  if (::stat(path.c_str(), &found) != 0) return {canonical, std::nullopt};
  return {canonical, {{found.st_dev, found.st_ino}}};
}

bool Outputs::same(const Place& a, const Place& b) {
  return a.path == b.path || (a.file && a.file == b.file);
}

void Outputs::reads(const std::string& option, const fs::path& path) {
  if (path.empty() || path.string().starts_with("camera:")) return;
  std::error_code ignored;
  inputs_.push_back({option, place_of(path), fs::is_directory(path, ignored)});
}

void Outputs::reads(const std::string& option, const fs::path& path,
                    const std::vector<std::string>& names) {
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) return reads(option, path);
  for (const auto& name : names) inputs_.push_back({option, place_of(path / name), false});
}

void Outputs::writes(const std::string& option, const fs::path& file) {
  if (!file.empty()) outputs_.push_back({option, file, place_of(file), {}});
}

void Outputs::writes(const std::string& option, const fs::path& folder,
                     const std::vector<std::string>& names) {
  outputs_.push_back({option, folder, place_of(folder), names});
}

std::vector<Outputs::Target> Outputs::targets_of(const Output& output) {
  if (output.names.empty()) return {{&output, output.given, output.place}};
  std::vector<Target> targets;
  for (const auto& name : output.names) {
    std::vector<fs::path> files = {output.given / name};
    if (is_series(name)) files = files_of_series(output.given, name);
    for (const auto& file : files) targets.push_back({&output, file, place_of(file)});
  }
  return targets;
}

void Outputs::check_kind(const Output& output) const {
  if (output.given.empty()) {
    throw UsageError(text("--", output.option, ": expected a folder, got an empty name"));
  }
  std::error_code ignored;
  const bool is_folder = fs::is_directory(output.given, ignored);
  if (output.names.empty() && (is_folder || !output.given.has_filename())) {
    throw UsageError(text("--", output.option, ": expected a file to write, ",
                          output.given.string(), " is a folder: add a name"));
  }
  if (!output.names.empty() && !is_folder && is_there(output.given)) {
    throw UsageError(text("--", output.option, ": expected a folder, ", output.given.string(),
                          " is a file: give another"));
  }
}

void Outputs::check_inputs(const Output& output, const std::vector<Target>& targets) const {
  for (const auto& input : inputs_) {
    const auto whose = "what --" + input.option + " reads";
    if (same(output.place, input.place)) throw not_its_own(output.option, output.given, whose);
    for (const auto& target : targets) {
      const bool among = input.is_folder && target.place.file && is_picture_name(target.given) &&
                         lies_in(target.place.path, input.place.path);
      if (among || same(target.place, input.place)) {
        throw not_its_own(output.option, target.given, whose);
      }
    }
  }
}

/// Whether `output` will write a file of the target's name, or under it as if it were a folder.
void Outputs::check_names(const Output& output, const Target& target) const {
  const auto& path = target.place.path;
  const auto named = [&](const std::string& name) {
    return path.parent_path() == output.place.path && matches_name(name, path.filename().string());
  };
  if (std::any_of(output.names.begin(), output.names.end(), named) ||
      same(output.place, target.place) || lies_in(output.place.path, path)) {
    throw not_its_own(target.output->option, target.given, "what --" + output.option + " writes");
  }
}

void Outputs::check_others(const std::vector<std::vector<Target>>& targets) const {
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    for (std::size_t k = 0; k < outputs_.size(); ++k) {
      for (const auto& target : targets[i]) {
        if (i != k && !is_device(target.given)) check_names(outputs_[k], target);
      }
    }
  }
}

void Outputs::check() const {
  std::vector<std::vector<Target>> targets;
  for (const auto& output : outputs_) {
    check_kind(output);
    targets.push_back(targets_of(output));
    check_inputs(output, targets.back());
  }
  check_others(targets);
  for (const auto& each : targets) {
    for (const auto& target : each) {
      if (overwrite_ || is_device(target.given) || !is_there(target.given)) continue;
      throw UsageError(text("--", target.output->option, ": expected a name that is free, ",
                            target.given.string(),
                            " is there already: give another, or --overwrite to replace it"));
    }
  }
  for (const auto& output : outputs_) {
    if (is_device(output.given)) continue;
    const auto file = output.names.empty() ? output.given : output.given / output.names.front();
    try_to_write(output.option, file, !output.names.empty());
  }
}

void remove_series(const fs::path& folder, const std::string& name) {
  std::error_code ignored;
  for (const auto& file : files_of_series(folder, name)) fs::remove(file, ignored);
}

}  // namespace neurosplat
