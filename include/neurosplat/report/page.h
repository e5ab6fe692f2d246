#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "neurosplat/report/found_results.h"
#include "neurosplat/report/reported_figures.h"

namespace neurosplat::report {

/// What a page shows: the table of reported figures where there is one, runs, evaluations.
struct Report {
  FoundResults found;
  std::vector<ReportedRow> reported;
};

/// One HTML file that needs no other, no script and no network: what differs among the runs, every
/// term's curves, the newest sheets, every figure of the evaluations beside its published value and
/// floors. Everything from files is escaped; the same files give the same page. At most
/// `picture_bytes` of pictures, the rest is noted on it.
std::string page_html(const Report& report, std::uint64_t picture_bytes);

/// The numbers of the page: `reported` (ours, published, floor, verdict, why), `runs` (epochs,
/// steps, last value of each term), `settings_that_differ`, `figures` (of evaluations: ours,
/// published, reason, floors), `notes`.
nlohmann::ordered_json page_json(const Report& report);

}  // namespace neurosplat::report
