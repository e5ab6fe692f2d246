#include <algorithm>
#include <cctype>
#include <cmath>
#include <map>

#include "neurosplat/core/progress.h"
#include "neurosplat/core/text.h"
#include "neurosplat/report/figure_rows.h"
#include "report/curve_figure.h"
#include "report/html_text.h"
#include "report/page_parts.h"

namespace neurosplat::report {
namespace {

namespace fs = std::filesystem;

std::string key_of(std::size_t run) {
  return text("<i class=\"key\" style=\"--line:var(--line-", run % 8, ")\"></i>");
}

std::string time_of(const RunResult& run) {
  double seconds = 0;
  for (const auto& term : run.terms) {
    if (term.key != "seconds") continue;
    for (const auto& point : term.points) {
      if (std::isfinite(point.value)) seconds += point.value;
    }
  }
  return seconds > 0 ? clock_text(seconds) : "–";
}

std::string runs_table(const std::vector<RunResult>& runs) {
  std::string body;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const auto& run = runs[i];
    body += element("tr", element("th", key_of(i) + escaped(run.name)) + cell(run.epochs) +
                              cell(run.steps) + element("td", time_of(run), "class=\"n\"")) +
            "\n";
  }
  const auto head = head_cell("run") + head_cell("epochs", true) + head_cell("steps", true) +
                    head_cell("trained for", true);
  return boxed_table(element("tr", head), body);
}

std::string settings_table(const std::vector<RunResult>& runs,
                           const std::vector<Setting>& settings) {
  if (settings.empty()) return {};
  std::string head = head_cell("setting"), body;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    head += element("th", key_of(i) + escaped(runs[i].name));
  }
  for (const auto& [key, values] : settings) {
    std::string row = element("th", escaped(key));
    for (const auto& value : values) row += element("td", shown(value));
    body += element("tr", row) + "\n";
  }
  return boxed_table(element("tr", head), body);
}

std::string differences(const std::vector<RunResult>& runs) {
  auto differing = settings_table(runs, differing_settings(runs));
  if (differing.empty()) {
    differing = element("p", "None: those that the runs share are the same.", "class=\"soft\"");
  }
  return element("h4", "Settings that differ") + differing +
         folded("Settings that only some have", settings_table(runs, settings_of_some(runs)));
}

std::string all_settings(const RunResult& run) {
  std::string body;
  for (const auto& [key, value] : run.settings.items()) {
    body += element("tr", element("th", escaped(key)) + element("td", shown(value))) + "\n";
  }
  return body.empty()
             ? body
             : folded("Settings of " + run.name,
                      boxed_table(element("tr", head_cell("setting") + head_cell("")), body));
}

enum class Kind { training, held_out, time };

Kind kind_of(const std::string& key) {
  if (key.starts_with("held_out") || key.starts_with("test_") || key.starts_with("val_")) {
    return Kind::held_out;
  }
  return key.starts_with("seconds") || key.ends_with("_per_second") ? Kind::time : Kind::training;
}

std::string curves_of(const std::vector<RunResult>& runs, Kind kind) {
  std::vector<std::string> keys;
  std::map<std::string, std::vector<CurveLine>> lines;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    for (const auto& term : runs[i].terms) {
      const bool finite = std::any_of(term.points.begin(), term.points.end(),
                                      [](const auto& point) { return std::isfinite(point.value); });
      if (kind_of(term.key) != kind || !finite) continue;
      if (!lines.contains(term.key)) keys.push_back(term.key);
      lines[term.key].push_back({runs[i].name, i, &term});
    }
  }
  std::string figures;
  for (const auto& key : keys) figures += curve_figure(key, lines[key]) + "\n";
  return figures.empty() ? figures : element("div", figures, "class=\"curves\"");
}

std::string titled(const char* title, const std::string& content) {
  return content.empty() ? content : element("h4", title) + content;
}

/// "sample" of sample_012.png; empty for what is no sheet.
std::string sheet_name(const fs::path& path) {
  const auto stem = path.stem().string();
  const auto end = stem.find_last_not_of("0123456789");
  const bool numbered = end != std::string::npos && end + 1 < stem.size() && stem[end] == '_';
  return numbered ? stem.substr(0, end) : std::string();
}

std::string pictures_of(const RunResult& run, EmbeddedPictures& pictures) {
  std::map<std::string, std::vector<fs::path>> sheets;
  std::vector<fs::path> newest, earlier;
  for (const auto& path : run.pictures) {
    if (path.filename() == "curves.png") continue;  // drawn here
    const auto name = sheet_name(path);
    if (name.empty()) {
      newest.push_back(path);
    } else {
      sheets[name].push_back(path);
    }
  }
  for (auto& [name, paths] : sheets) {
    std::stable_sort(paths.begin(), paths.end(), [](const auto& one, const auto& other) {
      return one.filename().string().size() < other.filename().string().size();
    });
    newest.push_back(paths.back());
    if (paths.size() > 1) earlier.push_back(paths.front());
    if (paths.size() > 2) earlier.push_back(paths[(paths.size() - 1) / 2]);
  }
  const auto shown_now = picture_row(newest, pictures);
  const auto before = folded("Earlier", picture_row(earlier, pictures));
  if (shown_now.empty() && before.empty()) return {};
  return element("h3", escaped(run.name)) + shown_now + before;
}

}  // namespace

std::string runs_section(const std::vector<RunResult>& runs, EmbeddedPictures& pictures) {
  auto html = element("h2", "Runs", "id=\"runs\"") + runs_table(runs);
  if (runs.size() > 1) html += differences(runs);
  if (runs.size() == 1) html += all_settings(runs[0]);
  html += titled("Training", curves_of(runs, Kind::training));
  html += titled("Held out", curves_of(runs, Kind::held_out));
  html += titled("Time", folded("Seconds and rates", curves_of(runs, Kind::time)));
  std::string sheets;
  for (const auto& run : runs) sheets += pictures_of(run, pictures);
  return html + titled("Pictures", sheets);
}

}  // namespace neurosplat::report
