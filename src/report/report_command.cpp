#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "neurosplat/core/error.h"
#include "neurosplat/core/interrupt.h"
#include "neurosplat/core/log.h"
#include "neurosplat/core/text.h"
#include "neurosplat/core/words.h"
#include "neurosplat/io/atomic_file.h"
#include "neurosplat/io/outputs.h"
#include "neurosplat/program/command_options.h"
#include "neurosplat/program/shipped_file.h"
#include "neurosplat/report/commands.h"
#include "neurosplat/report/found_results.h"
#include "neurosplat/report/page.h"
#include "neurosplat/report/reported_figures.h"
#include "report/all_evaluations.h"
#include "report/limited_json.h"

namespace neurosplat::apps {
namespace {

namespace fs = std::filesystem;
using report::ReportedEvaluation;

constexpr std::uint64_t kMostTable = 4U << 20;  // bytes

struct Options {
  std::vector<std::string> folders;
  fs::path out, results = "./evaluation/all", data, table;
  std::string only;
  std::int64_t picture_mib = 24;
  int threads = 0;
  bool all = false, quick = false, list = false, overwrite = false;
};

std::vector<fs::path> named(const Options& options) {
  return {options.folders.begin(), options.folders.end()};
}

fs::path page_of(const Options& options) {
  if (!options.out.empty()) return options.out;
  return options.all ? options.results / "report.html" : fs::path("report.html");
}

fs::path numbers_of(const Options& options) {
  return page_of(options).replace_extension(".json");
}

void check_request(const Options& options) {
  if (!options.all && options.folders.empty()) {
    throw UsageError("report: expected folders of runs or evaluations, or --all");
  }
  if (!options.all && (!options.only.empty() || options.quick || !options.table.empty())) {
    throw UsageError("report: --only, --quick and --table go with --all");
  }
  const auto extension = page_of(options).extension();
  if (extension != ".html" && extension != ".htm") {
    throw UsageError(text("--out: expected a name that ends in .html, got ", options.out.string()));
  }
  if (options.picture_mib < 0 || options.picture_mib > 1024) {
    throw UsageError(text("--picture-mib: expected 0 to 1024, got ", options.picture_mib));
  }
}

/// Before anything is measured. The page of --all lies beside its results and goes with them.
void check_outputs(const Options& options, const report::FoundResults& found) {
  const bool own = options.all && options.out.empty();
  Outputs outputs(options.overwrite || own);
  for (const auto& run : found.runs) {
    outputs.reads("FOLDER", run.folder, {"config.json", "metrics.jsonl", "loss.csv"});
  }
  for (const auto& one : found.evaluations) outputs.reads("FOLDER", one.folder, {"metrics.json"});
  if (own) {
    outputs.writes("results", options.results, {"report.html", "report.json"});
  } else {
    outputs.writes("out", page_of(options));
    outputs.writes("out", numbers_of(options));
  }
  outputs.check();
}

fs::path folder_of_data(const Options& options) {
  std::error_code ignored;
  if (!options.data.empty()) {
    if (!fs::is_directory(options.data, ignored)) {
      throw UsageError(text("--data: expected a folder, ", options.data.string(), " is none"));
    }
    return options.data;
  }
  const char* shared = std::getenv("NEUROSPLAT_SHARED");
  const auto data = fs::path(shared != nullptr ? shared : "../shared") / "data";
  return fs::is_directory(data, ignored) ? data : fs::path();
}

std::vector<ReportedEvaluation> table_of(const Options& options) {
  if (options.table.empty()) {
    return report::reported_evaluations(report::shipped_reported_figures(),
                                        "reported_figures.json");
  }
  const auto bytes = report::bytes_of(options.table, kMostTable);
  if (!bytes)
    throw Error(text(options.table.string(), ": expected a table (JSON) of at most 4 MiB"));
  return report::reported_evaluations(*bytes, options.table.string());
}

int list(const std::vector<ReportedEvaluation>& evaluations) {
  for (const auto& one : evaluations) {
    std::string needs;
    for (const auto& need : one.needs) needs += (needs.empty() ? "" : ", ") + need;
    std::printf("%-24s %-26s %5.1f min  %2zu figures%s%s\n", one.name.c_str(), one.system.c_str(),
                one.minutes, one.figures.size(), needs.empty() ? "" : ", needs ", needs.c_str());
  }
  return 0;
}

fs::path this_program() {
  std::error_code failed;
  auto program = fs::read_symlink("/proc/self/exe", failed);
  if (failed) throw Error(text("expected /proc/self/exe to name this program: ", failed.message()));
  return program;
}

std::vector<report::ReportedRow> measured(const Options& options,
                                          const std::vector<ReportedEvaluation>& all) {
  return report::measure(all, {.program = this_program(),
                               .results = options.results,
                               .data = folder_of_data(options),
                               .model = shipped_file,
                               .only = words_of(options.only),
                               .quick = options.quick,
                               .overwrite = options.overwrite,
                               .threads = options.threads});
}

/// Pages of --all show what the table asks for, not what else once lay in the folder of results.
std::vector<fs::path> folders_to_show(const Options& options,
                                      const std::vector<ReportedEvaluation>& evaluations) {
  auto folders = named(options);
  for (const auto& one : evaluations) {
    std::error_code ignored;
    if (fs::is_directory(options.results / one.name, ignored)) {
      folders.push_back(options.results / one.name);
    }
  }
  return folders;
}

int write(const Options& options, const report::Report& page) {
  constexpr auto replace = nlohmann::ordered_json::error_handler_t::replace;
  write_file_atomically(
      page_of(options),
      report::page_html(page, static_cast<std::uint64_t>(options.picture_mib) << 20));
  write_file_atomically(numbers_of(options),
                        report::page_json(page).dump(2, ' ', false, replace) + "\n");
  for (const auto& note : page.found.notes) log::warn(note);
  std::printf("written: %s (%zu runs, %zu evaluations), %s\n", page_of(options).c_str(),
              page.found.runs.size(), page.found.evaluations.size(), numbers_of(options).c_str());
  return 0;
}

int report_all(const Options& options) {
  const auto evaluations = table_of(options);
  const auto asked = report::chosen(evaluations, words_of(options.only));
  if (options.list) return list(asked);
  check_request(options);
  check_outputs(options, report::find_results(named(options)));
  const InterruptGuard guard;
  report::Report page;
  page.reported = measured(options, evaluations);
  page.found = report::find_results(folders_to_show(options, evaluations));
  std::printf("\n%s\n%s\n", report::as_text(page.reported).c_str(),
              report::summary(page.reported).c_str());
  write(options, page);
  if (InterruptGuard::raised()) return InterruptGuard::exit_code();
  for (const auto& row : page.reported) {
    if (row.ending == report::Ending::failed) return 1;
  }
  return 0;
}

int report_folders(const Options& options) {
  check_request(options);
  report::Report page{.found = report::find_results(named(options)), .reported = {}};
  report::check_not_empty(page.found, named(options));
  check_outputs(options, page.found);
  return write(options, page);
}

}  // namespace

void add_evaluate_report(Program& program) {
  const auto options = std::make_shared<Options>();
  auto& command = program.add(
      "report",
      "Runs and evaluations on one HTML page that needs no other file: curves, settings that "
      "differ, "
      "pictures, every figure beside its published value and floors; the numbers as JSON beside "
      "it. "
      "With --all the figures that the sources of all systems report are measured anew first, from "
      "shipped models and what data there is, and stand in one table, ours beside theirs.",
      [options] {
        return options->all || options->list ? report_all(*options) : report_folders(*options);
      });
  command.add_option("folders", options->folders,
                     "folders in and beneath which runs (metrics.jsonl) and evaluations "
                     "(metrics.json) are looked for");
  command.add_option("--out", options->out,
                     "the page, NAME.html; NAME.json is written beside it; default: report.html, "
                     "with --all RESULTS/report.html, which is replaced");
  add_overwrite_option(command, options->overwrite);
  command
      .add_option("--picture-mib", options->picture_mib,
                  "MiB of pictures on the page at most; 0: none")
      ->capture_default_str();
  command.add_flag("--all", options->all,
                   "measure every reported figure; what is finished is not measured again unless "
                   "--overwrite; exit 1 where an evaluation fails");
  command.add_option("--results", options->results, "of --all: folder that gets a folder for each")
      ->capture_default_str();
  command.add_option("--only", options->only,
                     "of --all: measure these evaluations alone, between commas");
  command.add_flag("--list", options->list, "say which evaluations there are, and end");
  command.add_option("--data", options->data,
                     "of --all: folder with flowers-102, natural-images, cat-faces-64 and so on; "
                     "default: $NEUROSPLAT_SHARED/data or ../shared/data where there is one; what "
                     "is absent is skipped");
  command.add_flag("--quick", options->quick,
                   "of --all: a trial on a few pictures, in minutes; its figures say little");
  command.add_option("--table", options->table,
                     "of --all: a table of one's own (JSON) instead of the one compiled in");
  command.add_option("--threads", options->threads, "of --all: CPU threads; 0: all cores")
      ->capture_default_str();
}

}  // namespace neurosplat::apps
