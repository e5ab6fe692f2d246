#include "neurosplat/report/found_results.h"

#include <algorithm>
#include <set>
#include <system_error>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/image_file.h"
#include "report/limited_json.h"
#include "report/run_files.h"

namespace neurosplat::report {
namespace {

namespace fs = std::filesystem;

constexpr int kDeepest = 8;
constexpr std::size_t kMostFolders = 20'000, kMostRuns = 64, kMostEvaluations = 200;
constexpr std::uint64_t kMostMetrics = 64U << 20;  // bytes

/// What one folder directly holds.
struct Contents {
  std::vector<fs::path> folders, pictures;  ///< by name
  bool log = false, losses = false, config = false, metrics = false;
};

Contents contents_of(const fs::path& folder, std::vector<std::string>& notes) {
  Contents contents;
  std::error_code failed;
  for (fs::directory_iterator it(folder, failed), end; !failed && it != end; it.increment(failed)) {
    const auto name = it->path().filename().string();
    std::error_code ignored;
    if (name.starts_with('.')) continue;
    if (it->is_directory(ignored)) {
      if (!it->is_symlink(ignored)) contents.folders.push_back(it->path());
      continue;
    }
    contents.log = contents.log || name == "metrics.jsonl";
    contents.losses = contents.losses || name == "loss.csv";
    contents.config = contents.config || name == "config.json";
    contents.metrics = contents.metrics || name == "metrics.json";
    if (is_picture_name(it->path())) contents.pictures.push_back(it->path());
  }
  if (failed) notes.push_back(text(folder.string(), ": cannot be read: ", failed.message()));
  std::sort(contents.folders.begin(), contents.folders.end());
  std::sort(contents.pictures.begin(), contents.pictures.end());
  return contents;
}

class Search {
 public:
  explicit Search(FoundResults& found) : found_(found) {}

  void look(const fs::path& folder, const std::string& name, int level) {
    std::error_code failed;
    const auto place = fs::canonical(folder, failed);
    if (failed || seen_.size() >= kMostFolders || !seen_.insert(place).second) return;
    const auto contents = contents_of(folder, found_.notes);
    if (contents.log || (contents.losses && contents.config)) add_run(folder, name, contents);
    if (contents.metrics) add_evaluation(folder, name, contents);
    for (const auto& inner : contents.folders) {
      if (level == kDeepest) break;
      look(inner, name + "/" + inner.filename().string(), level + 1);
    }
  }
  void finish() {
    if (left_out_ == 0) return;
    found_.notes.push_back(text(left_out_, " more left out: of ", kMostRuns, " runs and ",
                                kMostEvaluations, " evaluations at most a report is made"));
  }

 private:
  void add_run(const fs::path& folder, const std::string& name, const Contents& contents) {
    if (found_.runs.size() >= kMostRuns) {
      ++left_out_;
      return;
    }
    RunResult run{.name = name, .folder = folder, .pictures = contents.pictures};
    read_run(run, found_.notes);
    found_.runs.push_back(std::move(run));
  }
  void add_evaluation(const fs::path& folder, const std::string& name, const Contents& contents) {
    if (found_.evaluations.size() >= kMostEvaluations) {
      ++left_out_;
      return;
    }
    const auto path = folder / "metrics.json";
    const auto bytes = bytes_of(path, kMostMetrics);
    auto metrics = bytes ? object_in(*bytes) : nlohmann::ordered_json(nullptr);
    if (!metrics.is_object() || !metrics.contains("results") || !metrics["results"].is_object()) {
      found_.notes.push_back(
          text(path.string(), ": no JSON object with results of at most 64 MiB: skipped"));
      return;
    }
    found_.evaluations.push_back({name, folder, std::move(metrics), contents.pictures});
  }

  FoundResults& found_;
  std::set<fs::path> seen_;
  std::size_t left_out_ = 0;
};

/// "runs/a" and "runs/a/" give "a"; "." and ".." the name of what they are.
std::string name_of(const fs::path& folder) {
  std::error_code failed;
  const auto name = folder.has_filename() ? folder.filename() : folder.parent_path().filename();
  if (!name.empty() && name != "." && name != "..") return name.string();
  const auto place = fs::canonical(folder, failed);
  return failed || place.filename().empty() ? folder.string() : place.filename().string();
}

}  // namespace

FoundResults find_results(const std::vector<fs::path>& folders) {
  FoundResults found;
  Search search(found);
  for (const auto& folder : folders) {
    std::error_code failed;
    if (!fs::is_directory(folder, failed)) {
      throw UsageError(text("report: expected folders of runs or evaluations, ", folder.string(),
                            fs::exists(folder, failed) ? " is a file" : " is not there"));
    }
    search.look(folder, name_of(folder), 0);
  }
  search.finish();
  return found;
}

void check_not_empty(const FoundResults& found, const std::vector<fs::path>& folders) {
  if (!found.runs.empty() || !found.evaluations.empty()) return;
  std::string list;
  for (const auto& folder : folders) list += (list.empty() ? "" : " or ") + folder.string();
  throw Error(text("expected runs (metrics.jsonl) or evaluations (metrics.json) in ", list,
                   ", there are none: name the folder of a run or one that holds some"));
}

}  // namespace neurosplat::report
