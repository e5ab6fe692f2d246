#include "neurosplat/core/text.h"
#include "report/html_text.h"
#include "report/page_parts.h"

namespace neurosplat::report {
namespace {

std::string number_cell(const nlohmann::ordered_json& value, int decimals, const char* classes) {
  const auto words = value.is_number() ? fixed(value.get<double>(), decimals) : std::string("–");
  return element("td", escaped(words), text("class=\"", classes, "\""));
}

std::string verdict_cell(const ReportedRow& row) {
  const auto verdict = row.verdict();
  const auto kind = verdict == "not published" ? std::string("unpublished") : verdict;
  return element("td", verdict, "class=\"" + kind + "\"");
}

std::string row_of(const ReportedRow& row) {
  const auto& figure = row.figure;
  const auto published = figure.published ? nlohmann::ordered_json(*figure.published)
                                          : nlohmann::ordered_json(nullptr);
  const auto why = row.why.empty() ? std::string() : escaped(row.why);
  const auto source =
      figure.source.empty() ? std::string() : element("small", escaped(figure.source));
  return element("tr",
                 element("td", escaped(figure.name)) +
                     number_cell(row.ours, figure.decimals, "n ours") +
                     number_cell(published, figure.decimals, "n") +
                     number_cell(row.floor, figure.decimals, "n") +
                     element("td", escaped(figure.floor_name), "class=\"soft\"") +
                     verdict_cell(row) +
                     element("td", why + (why.empty() || source.empty() ? "" : "<br>") + source,
                             "class=\"why\"")) +
         "\n";
}

}  // namespace

std::string reported_section(const std::vector<ReportedRow>& rows) {
  const auto head =
      element("tr", head_cell("figure") + head_cell("ours", true) + head_cell("published", true) +
                        head_cell("floor", true) + head_cell("which") + head_cell("") +
                        head_cell("why, and the source"));
  std::string body, system;
  for (const auto& row : rows) {
    if (row.system != system) {
      system = row.system;
      body += element("tr", element("th", escaped(system), "colspan=\"7\""), "class=\"system\"");
    }
    body += row_of(row);
  }
  return element("h2", "Ours beside theirs", "id=\"reported\"") +
         element("p",
                 escaped(summary(rows)) +
                     ". Equal: to the last printed digit. Figures of other pictures, of shorter "
                     "training or of another protocol say so.",
                 "class=\"soft\"") +
         boxed_table(head, body);
}

}  // namespace neurosplat::report
