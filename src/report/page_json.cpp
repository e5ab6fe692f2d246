#include "neurosplat/core/text.h"
#include "neurosplat/report/figure_rows.h"
#include "neurosplat/report/page.h"

namespace neurosplat::report {
namespace {

using Json = nlohmann::ordered_json;

Json reported_json(const std::vector<ReportedRow>& rows) {
  auto list = Json::array();
  for (const auto& row : rows) {
    Json one = {{"system", row.system},
                {"evaluation", row.evaluation},
                {"figure", row.figure.name},
                {"key", row.figure.key},
                {"ours", row.ours},
                {"published", row.figure.published ? Json(*row.figure.published) : Json(nullptr)},
                {"verdict", row.verdict()}};
    if (!row.figure.floor_key.empty()) {
      one["floor"] = row.floor;
      one["floor_is"] = row.figure.floor_name;
    }
    if (!row.figure.source.empty()) one["source"] = row.figure.source;
    if (!row.why.empty()) one["why"] = row.why;
    list.push_back(std::move(one));
  }
  return list;
}

Json runs_json(const std::vector<RunResult>& runs) {
  auto list = Json::array();
  for (const auto& run : runs) {
    auto last = Json::object();
    for (const auto& term : run.terms) last[term.key] = term.points.back().value;
    list.push_back({{"run", run.name},
                    {"epochs", run.epochs},
                    {"steps", run.steps},
                    {"last", std::move(last)}});
  }
  return list;
}

Json settings_json(const std::vector<RunResult>& runs) {
  auto settings = Json::object();
  for (const auto& [key, values] : differing_settings(runs)) settings[key] = values;
  return settings;
}

Json figures_json(const std::vector<EvaluationResult>& evaluations) {
  auto list = Json::array();
  for (const auto& evaluation : evaluations) {
    for (const auto& row : figure_rows(evaluation.metrics)) {
      Json one = {{"evaluation", evaluation.name}, {"figure", row.key}, {"ours", row.ours}};
      if (!row.published.is_null()) one["published"] = row.published;
      if (!row.reason.empty()) one["reason"] = row.reason;
      for (const auto& [name, value] : row.floors) one["floors"][name] = value;
      list.push_back(std::move(one));
    }
  }
  return list;
}

}  // namespace

Json page_json(const Report& report) {
  auto json = Json::object();
  if (!report.reported.empty()) json["reported"] = reported_json(report.reported);
  json["runs"] = runs_json(report.found.runs);
  json["settings_that_differ"] = settings_json(report.found.runs);
  json["figures"] = figures_json(report.found.evaluations);
  json["notes"] = report.found.notes;
  return json;
}

}  // namespace neurosplat::report
