#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "neurosplat/report/found_results.h"

namespace neurosplat::report {

/// Fills in settings, terms, epochs and steps from the files of `run.folder`; what is broken is
/// passed over and noted.
void read_run(RunResult& run, std::vector<std::string>& notes);

}  // namespace neurosplat::report
