#include "neurosplat/report/page.h"

#include "neurosplat/core/text.h"
#include "report/embedded_files.h"
#include "report/html_text.h"
#include "report/page_parts.h"

namespace neurosplat::report {
namespace {

constexpr std::size_t kMostItems = 6, kMostWords = 160;

std::string counted(std::size_t count, const char* what) {
  return text(count, ' ', what, count == 1 ? "" : "s");
}

std::string notes_section(const std::vector<std::string>& notes) {
  if (notes.empty()) return {};
  std::string items;
  for (const auto& note : notes) items += element("li", escaped(note));
  return element("h2", "Passed over", "id=\"notes\"") + element("ul", items, "class=\"notes\"");
}

std::string link(const char* place, const std::string& words) {
  return element("a", words, text("href=\"#", place, "\""));
}

std::string head(const Report& report, bool notes) {
  const auto& found = report.found;
  std::string links;
  if (!report.reported.empty()) links += link("reported", "Ours beside theirs");
  if (!found.runs.empty()) links += link("runs", counted(found.runs.size(), "run"));
  if (!found.evaluations.empty()) {
    links += link("evaluations", counted(found.evaluations.size(), "evaluation"));
  }
  if (notes) links += link("notes", "Passed over");
  return element("header", element("h1", "neurosplat report") + element("nav", links));
}

}  // namespace

std::string shown(const nlohmann::ordered_json& value) {
  if (value.is_null()) return "–";
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  if (value.is_number_float()) return escaped(short_number(value.get<double>()));
  if (value.is_string()) return escaped(shortened(value.get<std::string>(), kMostWords));
  if (!value.is_array()) {
    constexpr auto replace = nlohmann::ordered_json::error_handler_t::replace;
    return escaped(shortened(value.dump(-1, ' ', false, replace), kMostWords));
  }
  std::string list;
  for (std::size_t i = 0; i < std::min(value.size(), kMostItems); ++i) {
    list += (i == 0 ? "" : ", ") + shown(value[i]);
  }
  return value.size() > kMostItems ? text(list, ", … (", value.size(), ")") : list;
}

std::string cell(const nlohmann::ordered_json& value, const std::string& classes) {
  const std::string number = value.is_number() || value.is_null() ? "n" : "";
  const auto all = number + (number.empty() || classes.empty() ? "" : " ") + classes;
  return element("td", shown(value), all.empty() ? "" : "class=\"" + all + "\"");
}

std::string boxed_table(const std::string& head, const std::string& body) {
  const auto table = element("table", element("thead", head) + element("tbody", body));
  return element("div", table, "class=\"scroll\"") + "\n";
}

std::string head_cell(const std::string& words, bool number) {
  return element("th", escaped(words), number ? "class=\"n\"" : "");
}

std::string picture_row(const std::vector<std::filesystem::path>& paths,
                        EmbeddedPictures& pictures) {
  std::string row;
  for (const auto& path : paths) {
    const auto image = pictures.image(path);
    if (image.empty()) continue;
    row +=
        element("figure", image + element("figcaption", escaped(path.filename().string()))) + "\n";
  }
  return row.empty() ? row : element("div", row, "class=\"pictures\"");
}

std::string folded(const std::string& title, const std::string& content) {
  return content.empty() ? content
                         : element("details", element("summary", escaped(title)) + content) + "\n";
}

std::string page_html(const Report& report, std::uint64_t picture_bytes) {
  EmbeddedPictures pictures(picture_bytes);
  std::string body;
  if (!report.reported.empty()) body += reported_section(report.reported);
  if (!report.found.runs.empty()) body += runs_section(report.found.runs, pictures);
  if (!report.found.evaluations.empty()) {
    body += evaluations_section(report.found.evaluations, pictures);
  }
  auto notes = report.found.notes;
  for (auto& note : pictures.notes()) notes.push_back(std::move(note));
  body = head(report, !notes.empty()) + body + notes_section(notes);
  // Nothing that stands on the page may load or run anything, whatever was overlooked.
  return text(
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">",
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; ",
      "style-src 'unsafe-inline'\">",
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">",
      "<title>neurosplat report</title>\n<style>\n", embedded_file("report.css"),
      "</style></head>\n<body>\n", body, "\n</body></html>\n");
}

}  // namespace neurosplat::report
