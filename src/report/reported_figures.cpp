#include "neurosplat/report/reported_figures.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <utility>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/report/figure_rows.h"
#include "report/embedded_files.h"
#include "report/limited_json.h"

namespace neurosplat::report {
namespace {

using Json = nlohmann::ordered_json;

/// An object of the table; every member that is asked for must be of its kind, no other is there.
class Entry {
 public:
  Entry(const Json& object, std::string where) : object_(object), where_(std::move(where)) {
    if (!object_.is_object()) fail("an object");
  }
  void done() const {
    for (const auto& [key, value] : object_.items()) {
      if (!asked_.contains(key)) throw Error(text(where_, ": unknown key ", key));
    }
  }
  std::string words(const char* key, bool needed = false) {
    const auto value = find(key, needed);
    if (value.is_null()) return {};
    if (!value.is_string()) fail(text("words under ", key));
    return value.get<std::string>();
  }
  std::optional<double> number(const char* key) {
    const auto value = find(key, false);
    if (value.is_null()) return std::nullopt;
    if (!value.is_number()) fail(text("a number under ", key));
    return value.get<double>();
  }
  Json list(const char* key, bool needed = false) {
    auto value = find(key, needed);
    if (value.is_null()) return Json::array();
    if (!value.is_array()) fail(text("a list under ", key));
    return value;
  }
  std::vector<std::string> list_of_words(const char* key, bool needed = false) {
    std::vector<std::string> words;
    for (const auto& item : list(key, needed)) {
      if (!item.is_string()) fail(text("words in the list ", key));
      words.push_back(item.get<std::string>());
    }
    return words;
  }
  [[noreturn]] void fail(const std::string& expected) const {
    throw Error(text(where_, ": expected ", expected, ", got something else"));
  }

 private:
  Json find(const char* key, bool needed) {
    asked_.insert(key);
    const auto found = object_.find(key);
    if (found == object_.end() && needed) fail(text("the key ", key));
    return found == object_.end() ? Json(nullptr) : *found;
  }

  const Json& object_;
  std::string where_;
  std::set<std::string> asked_;
};

ReportedFigure figure_of(const Json& object, const std::string& where) {
  Entry entry(object, where);
  ReportedFigure figure{.name = entry.words("figure", true), .key = entry.words("key", true)};
  figure.published = entry.number("published");
  figure.decimals = static_cast<int>(std::clamp(entry.number("decimals").value_or(3), 0.0, 12.0));
  const auto better = entry.words("better");
  if (!better.empty() && better != "higher" && better != "lower")
    entry.fail("better: higher or lower");
  figure.higher_is_better = better != "lower";
  figure.source = entry.words("source");
  figure.floor_key = entry.words("floor");
  figure.floor_name = entry.words("floor_is");
  figure.reason = entry.words("reason");
  entry.done();
  return figure;
}

bool is_name(const std::string& name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

ReportedEvaluation evaluation_of(const Json& object, const std::string& where) {
  Entry entry(object, where);
  ReportedEvaluation evaluation{.name = entry.words("name", true),
                                .system = entry.words("system", true),
                                .arguments = entry.list_of_words("arguments", true),
                                .quick = entry.list_of_words("quick"),
                                .needs = entry.list_of_words("needs"),
                                .minutes = std::max(0.01, entry.number("minutes").value_or(1))};
  if (!is_name(evaluation.name)) entry.fail("a name of small letters, digits and hyphens");
  if (evaluation.arguments.empty() || evaluation.arguments[0] == "report") {
    entry.fail("an evaluation's subcommand in arguments");
  }
  for (const auto& figure : entry.list("figures", true)) {
    evaluation.figures.push_back(figure_of(figure, text(where, ", ", evaluation.name)));
  }
  entry.done();
  return evaluation;
}

bool is_equal(double ours, const ReportedFigure& figure) {
  const double digit = std::pow(10.0, -figure.decimals);
  return std::abs(ours - *figure.published) <= 0.5 * digit + 1e-12;
}

void judge(ReportedRow& row, const Json& metrics) {
  const auto part = [&](const char* name) {
    return metrics.is_object() && metrics.contains(name) ? metrics[name] : Json::object();
  };
  const auto& key = row.figure.key;
  row.ours = value_at(part("results"), key);
  if (!row.ours.is_number()) {
    row.ending = Ending::failed;
    row.why = text("metrics.json has no number under ", key);
    return;
  }
  if (!row.figure.floor_key.empty()) row.floor = value_at(part("results"), row.figure.floor_key);
  const auto reference = part("reference");
  const auto theirs = value_at(reference, key);
  if (theirs.is_number() && row.figure.published && theirs != *row.figure.published &&
      !is_equal(theirs.get<double>(), row.figure)) {
    row.ending = Ending::failed;
    row.why = text("the table says ", *row.figure.published, " was published, metrics.json ",
                   theirs.dump());
    return;
  }
  if (row.verdict() == "equal" || row.verdict() == "not published") {
    if (!row.figure.published) row.why = row.figure.reason;
    return;
  }
  const auto reason = value_at(reference, key + "_reason");
  row.why = !row.figure.reason.empty() ? row.figure.reason
            : reason.is_string()       ? reason.get<std::string>()
                                       : "";
}

}  // namespace

std::string shipped_reported_figures() {
  return std::string(embedded_file("reported_figures.json"));
}

std::vector<ReportedEvaluation> reported_evaluations(const std::string& json,
                                                     const std::string& origin) {
  const auto table = object_in(json);
  if (!table.is_object()) throw Error(text(origin, ": expected a JSON object with evaluations"));
  Entry entry(table, origin);
  std::vector<ReportedEvaluation> evaluations;
  std::set<std::string> names;
  for (const auto& object : entry.list("evaluations", true)) {
    evaluations.push_back(evaluation_of(object, origin));
    if (!names.insert(evaluations.back().name).second) {
      entry.fail(text("each name once, not two of ", evaluations.back().name));
    }
  }
  entry.done();
  return evaluations;
}

std::string ReportedRow::verdict() const {
  if (ending == Ending::skipped) return "skipped";
  if (ending == Ending::failed) return "failed";
  if (!figure.published || !ours.is_number()) return "not published";
  const double value = ours.get<double>();
  if (is_equal(value, figure)) return "equal";
  return (value > *figure.published) == figure.higher_is_better ? "better" : "misses";
}

std::vector<ReportedRow> rows_of(const ReportedEvaluation& evaluation, Ending ending,
                                 const std::string& why, const Json& metrics) {
  std::vector<ReportedRow> rows;
  for (const auto& figure : evaluation.figures) {
    ReportedRow row{.system = evaluation.system, .evaluation = evaluation.name, .figure = figure};
    row.ending = ending;
    row.why = why;
    if (ending == Ending::done) judge(row, metrics);
    rows.push_back(std::move(row));
  }
  return rows;
}

std::string summary(const std::vector<ReportedRow>& rows) {
  constexpr std::array<const char*, 6> verdicts = {"equal",         "better",  "misses",
                                                   "not published", "skipped", "failed"};
  std::string list;
  for (const char* verdict : verdicts) {
    const auto count = std::count_if(rows.begin(), rows.end(),
                                     [&](const auto& row) { return row.verdict() == verdict; });
    list += text(list.empty() ? "" : ", ", count, ' ', verdict);
  }
  return list;
}

std::string as_text(const std::vector<ReportedRow>& rows) {
  const auto shown = [](const ReportedRow& row, const Json& value) {
    return value.is_number() ? fixed(value.get<double>(), row.figure.decimals) : std::string("-");
  };
  std::vector<std::array<std::string, 6>> cells = {
      {"system", "figure", "ours", "published", "floor", ""}};
  for (const auto& row : rows) {
    cells.push_back({row.system, row.figure.name, shown(row, row.ours),
                     row.figure.published ? fixed(*row.figure.published, row.figure.decimals) : "-",
                     shown(row, row.floor), row.verdict()});
  }
  std::array<std::size_t, 6> widths{};
  for (const auto& line : cells) {
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  }
  std::string table;
  for (std::size_t n = 0; n < cells.size(); ++n) {
    std::string line;
    for (std::size_t i = 0; i < 6; ++i) {
      const std::string space(widths[i] - cells[n][i].size(), ' ');
      const bool number = i >= 2 && i <= 4;
      line += text(i == 0 ? "" : "  ", number ? space : "", cells[n][i], number ? "" : space);
    }
    line.resize(line.find_last_not_of(' ') + 1);
    table += line + '\n';
    if (n > 0 && !rows[n - 1].why.empty()) table += text("    ", rows[n - 1].why, '\n');
  }
  return table;
}

}  // namespace neurosplat::report
