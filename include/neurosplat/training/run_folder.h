#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace neurosplat {

/// Whether two paths lead to the same place, through links, `..` and slashes at the end.
bool same_place(const std::filesystem::path& one, const std::filesystem::path& other);

/// Whether `inner` is `outer` or lies below it, links followed.
bool lies_in(const std::filesystem::path& inner, const std::filesystem::path& outer);

/// The folder of a run, this process's alone while the object lives: a lock on `run.lock` in it,
/// which the system frees however the process ends.
class RunFolder {
 public:
  /// Makes the folder where there is none. Throws UsageError when it is a file; Error when another
  /// process trains there (with its id), or when it cannot be written or locked.
  /// `files`: what the kind of run writes beside loss.csv, metrics.jsonl, curves.png, config.json,
  /// events for TensorBoard and checkpoints; in a name, ### stands for one digit or more.
  explicit RunFolder(std::filesystem::path path, std::vector<std::string> files = {});
  /// Folders that it made and that nothing was written to go again.
  ~RunFolder();
  RunFolder(const RunFolder&) = delete;
  RunFolder& operator=(const RunFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  /// Whether anything is there that a run writes.
  bool holds_run() const;
  /// Removes what a run writes and nothing else; links themselves, never what they lead to.
  void clear() const;

 private:
  void lock();
  void remove_made() const;

  std::filesystem::path path_;
  std::vector<std::string> files_;
  std::vector<std::filesystem::path> made_;  // the innermost first
  int lock_ = -1;
};

}  // namespace neurosplat
