#include "report/run_files.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <sstream>
#include <string_view>

#include "neurosplat/core/text.h"
#include "report/limited_json.h"

namespace neurosplat::report {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMostConfig = 4U << 20, kMostLog = 256U << 20;  // bytes
constexpr std::size_t kMostTerms = 200;

/// The terms of a run, found by key.
class Terms {
 public:
  explicit Terms(RunResult& run) : run_(run) {}

  void add(const std::string& key, double epoch, double value) {
    const auto known = places_.find(key);
    if (known == places_.end() && run_.terms.size() >= kMostTerms) return;
    const auto place = known == places_.end() ? run_.terms.size() : known->second;
    if (known == places_.end()) {
      places_[key] = place;
      run_.terms.push_back({key, {}});
    }
    run_.terms[place].points.push_back({epoch, value});
  }
  bool knows(const std::string& key) const { return places_.contains(key); }

 private:
  RunResult& run_;
  std::map<std::string, std::size_t> places_;
};

double number_or(const nlohmann::ordered_json& line, const char* key, double otherwise) {
  const auto found = line.find(key);
  return found != line.end() && found->is_number() ? found->get<double>() : otherwise;
}

std::string lines(std::size_t count) {
  return text(count, count == 1 ? " line" : " lines");
}

void read_metrics(RunResult& run, Terms& terms, std::vector<std::string>& notes) {
  const auto path = run.folder / "metrics.jsonl";
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return;
  const auto bytes = bytes_of(path, kMostLog);
  if (!bytes) {
    notes.push_back(text(path.string(), ": cannot be read or is longer than 256 MiB: left out"));
    return;
  }
  std::istringstream in(*bytes);
  std::size_t broken = 0, count = 0;
  for (std::string line; std::getline(in, line);) {
    ++count;
    if (line.empty()) continue;
    const auto object = object_in(line);
    if (!object.is_object()) {
      ++broken;
      continue;
    }
    run.epochs = number_or(object, "epoch", static_cast<double>(count));
    run.steps = number_or(object, "step", run.steps);
    for (const auto& [key, value] : object.items()) {
      if (key == "epoch" || key == "step") continue;
      if (value.is_number()) terms.add(key, run.epochs, value.get<double>());
      if (value.is_null()) {
        terms.add(key, run.epochs, std::numeric_limits<double>::quiet_NaN());
      }
    }
  }
  if (broken > 0)
    notes.push_back(text(path.string(), ": ", lines(broken), " no JSON object: skipped"));
}

std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells;
  std::istringstream in(line);
  for (std::string cell; std::getline(in, cell, ',');) cells.push_back(cell);
  return cells;
}

/// NaN for what is no number.
double number_in(std::string_view cell) {
  double number = 0;
  const auto parsed = std::from_chars(cell.data(), cell.data() + cell.size(), number);
  const bool whole = parsed.ec == std::errc{} && parsed.ptr == cell.data() + cell.size();
  return whole ? number : std::numeric_limits<double>::quiet_NaN();
}

/// Columns that metrics.jsonl has not.
void read_losses(RunResult& run, Terms& terms, std::vector<std::string>& notes) {
  const auto path = run.folder / "loss.csv";
  const auto bytes = bytes_of(path, kMostLog);
  if (!bytes) return;
  std::istringstream in(*bytes);
  std::string line;
  if (!std::getline(in, line)) return;
  const auto names = cells_of(line);
  if (names.empty() || names[0] != "epoch") {
    notes.push_back(text(path.string(), ": expected a header that begins with epoch: left out"));
    return;
  }
  std::vector<bool> known;
  for (const auto& name : names) known.push_back(name.empty() || terms.knows(name));
  std::size_t broken = 0;
  while (std::getline(in, line)) {
    const auto cells = cells_of(line);
    const double epoch = cells.empty() ? std::nan("") : number_in(cells[0]);
    if (!std::isfinite(epoch)) {
      ++broken;
      continue;
    }
    run.epochs = std::max(run.epochs, epoch);
    for (std::size_t i = 1; i < std::min(cells.size(), names.size()); ++i) {
      if (!known[i] && !cells[i].empty()) terms.add(names[i], epoch, number_in(cells[i]));
    }
  }
  if (broken > 0)
    notes.push_back(text(path.string(), ": ", lines(broken), " without an epoch: skipped"));
}

}  // namespace

void read_run(RunResult& run, std::vector<std::string>& notes) {
  Terms terms(run);
  read_metrics(run, terms, notes);
  read_losses(run, terms, notes);
  const auto path = run.folder / "config.json";
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return;
  const auto bytes = bytes_of(path, kMostConfig);
  auto settings = bytes ? object_in(*bytes) : nlohmann::ordered_json(nullptr);
  if (settings.is_object()) {
    run.settings = std::move(settings);
  } else {
    notes.push_back(text(path.string(), ": no JSON object of at most 4 MiB: left out"));
  }
}

}  // namespace neurosplat::report
