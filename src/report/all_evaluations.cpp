#include "report/all_evaluations.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <sstream>
#include <system_error>

#include "neurosplat/core/error.h"
#include "neurosplat/core/interrupt.h"
#include "neurosplat/core/progress.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/atomic_file.h"
#include "report/child_process.h"
#include "report/html_text.h"
#include "report/limited_json.h"

namespace neurosplat::report {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kMostMetrics = 64U << 20, kMostLog = 16U << 20;  // bytes

struct Outcome {
  Ending ending;
  std::string why;
  bool ran = false;
};

/// With {data} and {model:FILE} replaced. Throws Error for a model that is not there.
std::string filled_in(std::string argument, const AllOptions& options) {
  const std::string data = "{data}", model = "{model:";
  if (const auto at = argument.find(data); at != std::string::npos) {
    argument.replace(at, data.size(), options.data.string());
  }
  if (const auto at = argument.find(model); at != std::string::npos) {
    const auto end = argument.find('}', at);
    if (end == std::string::npos) throw Error(text("expected {model:FILE}, got ", argument));
    const auto name = argument.substr(at + model.size(), end - at - model.size());
    argument.replace(at, end + 1 - at, options.model(name).string());
  }
  return argument;
}

class Measurement {
 public:
  Measurement(const ReportedEvaluation& evaluation, const AllOptions& options)
      : evaluation_(evaluation), options_(options), folder_(options.results / evaluation.name) {
    arguments_ = evaluation.arguments;
    if (options.quick) {
      arguments_.insert(arguments_.end(), evaluation.quick.begin(), evaluation.quick.end());
    }
  }

  Outcome run(const std::function<void()>& waiting) const {
    const auto missing = absent();
    if (!missing.empty()) return {Ending::skipped, missing};
    std::vector<std::string> arguments;
    try {
      for (const auto& argument : arguments_) arguments.push_back(filled_in(argument, options_));
    } catch (const Error& error) {
      return {Ending::skipped, error.what()};
    }
    if (!options_.overwrite && is_there("metrics.json") && is_there("arguments.txt")) {
      if (is_finished()) return {Ending::done, ""};
      return {Ending::failed, text("measured with other options before (", folder_.string(),
                                   "): give --overwrite or another --results")};
    }
    return measured(std::move(arguments), waiting);
  }

  /// By this or an earlier call, with the same arguments.
  bool is_finished() const {
    return is_there("metrics.json") && bytes_of(folder_ / "arguments.txt", kMostLog) == listed();
  }

  nlohmann::ordered_json metrics() const {
    const auto bytes = bytes_of(folder_ / "metrics.json", kMostMetrics);
    return bytes ? object_in(*bytes) : nlohmann::ordered_json(nullptr);
  }

 private:
  bool is_there(const char* name) const {
    std::error_code ignored;
    return fs::exists(folder_ / name, ignored);
  }

  /// As it stands in arguments.txt: a line each, places not filled in.
  std::string listed() const {
    std::string lines;
    for (const auto& argument : arguments_) lines += argument + "\n";
    return lines;
  }

  /// What of the data it needs is not there; empty for nothing.
  std::string absent() const {
    const bool uses_data = std::any_of(arguments_.begin(), arguments_.end(), [](const auto& one) {
      return one.find("{data}") != std::string::npos;
    });
    if (options_.data.empty() && (uses_data || !evaluation_.needs.empty())) {
      return "no folder of data: give --data";
    }
    for (const auto& need : evaluation_.needs) {
      std::error_code ignored;
      if (!fs::exists(options_.data / need, ignored)) {
        return text("absent: ", need, " in ", options_.data.string());
      }
    }
    return {};
  }

  Outcome measured(std::vector<std::string> arguments, const std::function<void()>& waiting) const {
    std::error_code failed;
    fs::create_directories(folder_, failed);
    if (failed) throw Error(text(folder_.string(), ": cannot make it: ", failed.message()));
    fs::remove(folder_ / "arguments.txt", failed);  // unfinished from here on
    for (const auto& more : {std::string("--out"), folder_.string(), std::string("--overwrite"),
                             std::string("--threads"), std::to_string(options_.threads)}) {
      arguments.push_back(more);
    }
    const int status = run_child(options_.program, arguments, folder_ / "log.txt", waiting);
    if (status != 0) return {Ending::failed, text("exit ", status, last_error()), true};
    write_file_atomically(folder_ / "arguments.txt", listed());
    return {Ending::done, "", true};
  }

  /// ": " and the last line of the log that tells of an error; else where the log is.
  std::string last_error() const {
    std::istringstream log(bytes_of(folder_ / "log.txt", kMostLog).value_or(""));
    std::string last;
    for (std::string line; std::getline(log, line);) {
      if (line.find("error") != std::string::npos) last = line;
    }
    return last.empty() ? text(", see ", (folder_ / "log.txt").string())
                        : text(": ", shortened(last, 300));
  }

  const ReportedEvaluation& evaluation_;
  const AllOptions& options_;
  fs::path folder_;
  std::vector<std::string> arguments_;
};

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// What an evaluation may take; trials are alike.
double expected_seconds(const ReportedEvaluation& evaluation, const AllOptions& options) {
  return options.quick ? 6.0 : 2.0 + 60 * evaluation.minutes;
}

/// What is left, by the table's minutes and how far these were off until now.
class Estimate {
 public:
  explicit Estimate(double expected) : left_(expected) {}
  void ended(double expected, bool ran, double taken) {
    left_ -= expected;
    if (!ran) return;
    expected_ += expected;
    taken_ += taken;
  }
  /// A minute as expected counts too, so that the first short ones do not decide.
  double left() const { return std::max(0.0, left_) * (taken_ + 60) / (expected_ + 60); }

 private:
  double left_, expected_ = 0, taken_ = 0;
};

const char* word_of(Ending ending) {
  return ending == Ending::done ? "done" : ending == Ending::skipped ? "SKIPPED" : "FAILED";
}

bool is_asked(const std::string& name, const std::vector<std::string>& only) {
  return only.empty() || std::find(only.begin(), only.end(), name) != only.end();
}

/// Measured, found finished, or not; `title` stands before its progress.
Outcome outcome_of(const Measurement& measurement, const std::string& title, double seconds) {
  const Outcome interrupted{Ending::skipped, "interrupted before it was measured"};
  if (InterruptGuard::raised()) return interrupted;
  const auto start = Clock::now();
  const auto expected = static_cast<std::int64_t>(seconds);
  ProgressLine progress(title, "s", expected);
  auto outcome = measurement.run([&] {
    progress.update(std::min(expected, static_cast<std::int64_t>(seconds_since(start))));
  });
  return InterruptGuard::raised() && outcome.ending == Ending::failed ? interrupted : outcome;
}

void say(const std::string& title, const Outcome& outcome, double seconds, double left) {
  const bool before = outcome.ending == Ending::done && !outcome.ran;
  const auto why = outcome.why.empty() ? std::string() : text(": ", outcome.why);
  std::printf("%s: %s%s%s, %s, ETA %s\n", title.c_str(), word_of(outcome.ending),
              before ? " before" : "", why.c_str(), clock_text(seconds).c_str(),
              clock_text(left).c_str());
  std::fflush(stdout);
}

}  // namespace

std::vector<ReportedEvaluation> chosen(const std::vector<ReportedEvaluation>& all,
                                       const std::vector<std::string>& only) {
  std::vector<ReportedEvaluation> kept;
  std::string names;
  for (const auto& one : all) {
    names += text(names.empty() ? "" : ", ", one.name);
    if (is_asked(one.name, only)) kept.push_back(one);
  }
  for (const auto& name : only) {
    const bool known =
        std::any_of(all.begin(), all.end(), [&](const auto& one) { return one.name == name; });
    if (!known) throw UsageError(text("--only: expected some of ", names, ", got ", name));
  }
  return kept;
}

std::vector<ReportedRow> measure(const std::vector<ReportedEvaluation>& all,
                                 const AllOptions& options) {
  const auto asked = chosen(all, options.only);
  double whole = 0;
  for (const auto& one : asked) whole += expected_seconds(one, options);
  Estimate estimate(whole);
  std::vector<ReportedRow> rows;
  std::size_t number = 0;
  for (const auto& evaluation : all) {
    const Measurement measurement(evaluation, options);
    Outcome outcome{Ending::done, ""};
    if (is_asked(evaluation.name, options.only)) {
      const auto start = Clock::now();
      const auto expected = expected_seconds(evaluation, options);
      const auto title = text(++number, '/', asked.size(), ' ', evaluation.name);
      outcome = outcome_of(measurement, title, expected);
      estimate.ended(expected, outcome.ran, seconds_since(start));
      say(title, outcome, seconds_since(start), estimate.left());
    } else if (!measurement.is_finished()) {
      continue;
    }
    nlohmann::ordered_json metrics;
    if (outcome.ending == Ending::done) metrics = measurement.metrics();
    auto found = rows_of(evaluation, outcome.ending, outcome.why, metrics);
    rows.insert(rows.end(), found.begin(), found.end());
  }
  return rows;
}

}  // namespace neurosplat::report
