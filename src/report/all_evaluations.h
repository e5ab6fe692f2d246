#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "neurosplat/report/reported_figures.h"

namespace neurosplat::report {

struct AllOptions {
  std::filesystem::path program;  ///< neurosplat-evaluate
  std::filesystem::path results;  ///< gets a folder for each evaluation
  std::filesystem::path data;     ///< holds what evaluations need; empty: none
  /// The path of a shipped model by its file's name. Throws Error where there is none.
  std::function<std::filesystem::path(const std::string&)> model;
  std::vector<std::string> only = {};  ///< names; empty: all
  bool quick = false, overwrite = false;
  int threads = 0;
};

/// Those of `all` that `only` names, in the order of the table. Throws UsageError for an unknown
/// name.
std::vector<ReportedEvaluation> chosen(const std::vector<ReportedEvaluation>& all,
                                       const std::vector<std::string>& only);

/// Runs each evaluation that is asked for as a process of its own, its words in NAME/log.txt, and
/// gives the rows of these and of others that are finished. One that is finished
/// (NAME/metrics.json, and NAME/arguments.txt with the same arguments) is not run again unless
/// `overwrite`; one with other arguments has failed, unless `overwrite`. What it needs and is
/// absent makes it skipped. A line on standard output for each. An interrupt (core/interrupt.h)
/// ends it with what is there.
std::vector<ReportedRow> measure(const std::vector<ReportedEvaluation>& all,
                                 const AllOptions& options);

}  // namespace neurosplat::report
