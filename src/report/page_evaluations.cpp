#include <algorithm>
#include <set>

#include "neurosplat/core/text.h"
#include "neurosplat/report/figure_rows.h"
#include "report/html_text.h"
#include "report/page_parts.h"

namespace neurosplat::report {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMostRows = 60, kMostColumns = 24, kOpenRows = 24, kMostPictures = 8;

std::string floors_of(const FigureRow& row) {
  std::string list;
  for (const auto& [name, value] : row.floors) {
    list += text(list.empty() ? "" : "<br>", shown(value), ' ', element("small", escaped(name)));
  }
  return list;
}

std::string figures_table(const std::vector<FigureRow>& rows) {
  if (rows.empty()) return {};
  const bool published = std::any_of(rows.begin(), rows.end(),
                                     [](const auto& row) { return !row.published.is_null(); });
  const bool floors =
      std::any_of(rows.begin(), rows.end(), [](const auto& row) { return !row.floors.empty(); });
  std::string body;
  for (const auto& row : rows) {
    if (row.ours.is_null() && row.published.is_null()) continue;  // not measured
    auto cells = element("th", escaped(row.key)) + cell(row.ours, "ours");
    if (published) cells += cell(row.published);
    if (floors) cells += element("td", floors_of(row));
    if (published) cells += element("td", escaped(row.reason), "class=\"why\"");
    body += element("tr", cells) + "\n";
  }
  auto head = head_cell("figure") + head_cell("ours", true);
  if (published) head += head_cell("published", true);
  if (floors) head += head_cell("beside");
  if (published) head += head_cell("why it differs");
  return boxed_table(element("tr", head), body);
}

std::vector<std::string> columns_of(const Json& rows) {
  std::vector<std::string> columns;
  std::set<std::string> seen;
  for (const auto& row : rows) {
    for (const auto& [key, value] : row.items()) {
      if (columns.size() < kMostColumns && seen.insert(key).second) columns.push_back(key);
    }
  }
  return columns;
}

/// Objects of a list, as a table; evenly thinned where there are many.
std::string rows_table(const std::string& title, const Json& rows) {
  if (!rows.is_array() || rows.empty()) return {};
  auto kept = Json::array();
  const auto count = std::min(rows.size(), kMostRows);
  for (std::size_t i = 0; i < count; ++i) {
    const auto place = count == 1 ? 0 : i * (rows.size() - 1) / (count - 1);
    if (rows[place].is_object()) kept.push_back(rows[place]);
  }
  const auto columns = columns_of(kept);
  std::string head, body;
  for (const auto& column : columns) {
    const bool number = std::any_of(kept.begin(), kept.end(), [&](const auto& row) {
      return row.contains(column) && row[column].is_number();
    });
    head += head_cell(column, number);
  }
  for (const auto& row : kept) {
    std::string cells;
    for (const auto& column : columns) {
      cells += row.contains(column) ? cell(row[column]) : std::string("<td></td>");
    }
    body += element("tr", cells) + "\n";
  }
  const auto table = boxed_table(element("tr", head), body);
  const auto name = rows.size() > count ? text(title, ": ", count, " of ", rows.size(), ", evenly")
                                        : text(title, ": ", rows.size());
  return rows.size() > kOpenRows ? folded(name, table) : element("p", escaped(name)) + table;
}

std::string pairs_table(const Json& object) {
  std::string body;
  if (!object.is_object()) return body;
  for (const auto& [key, value] : object.items()) {
    body += element("tr", element("th", escaped(key)) + element("td", shown(value))) + "\n";
  }
  return body.empty() ? body
                      : boxed_table(element("tr", head_cell("setting") + head_cell("")), body);
}

Json member(const Json& object, const char* key) {
  return object.is_object() && object.contains(key) ? object[key] : Json(nullptr);
}

std::string source_of(const Json& reference) {
  const auto source = member(reference, "source");
  return source.is_string() ? element("p", text("Published: ", escaped(source.get<std::string>())),
                                      "class=\"soft\"")
                            : std::string();
}

std::string section_of(const EvaluationResult& evaluation, EmbeddedPictures& pictures) {
  const auto& metrics = evaluation.metrics;
  const auto experiment = member(metrics, "experiment"), reference = member(metrics, "reference");
  auto title = escaped(evaluation.name);
  if (experiment.is_string())
    title += text(' ', element("small", escaped(experiment.get<std::string>())));
  std::vector<std::filesystem::path> first = evaluation.pictures;
  if (first.size() > kMostPictures) first.resize(kMostPictures);
  return element("h3", title, "class=\"evaluation\"") + source_of(reference) +
         figures_table(figure_rows(metrics)) +
         rows_table("Rows", member(member(metrics, "results"), "rows")) +
         rows_table("Published rows", member(reference, "rows")) + picture_row(first, pictures) +
         folded("Settings and environment", pairs_table(member(metrics, "settings")) +
                                                pairs_table(member(metrics, "environment")));
}

}  // namespace

std::string evaluations_section(const std::vector<EvaluationResult>& evaluations,
                                EmbeddedPictures& pictures) {
  auto html = element("h2", "Evaluations", "id=\"evaluations\"");
  for (const auto& evaluation : evaluations) {
    html += element("section", section_of(evaluation, pictures)) + "\n";
  }
  return html;
}

}  // namespace neurosplat::report
