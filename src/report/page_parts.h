#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "neurosplat/report/found_results.h"
#include "neurosplat/report/reported_figures.h"
#include "report/embedded_picture.h"

/// Sections of the page, as HTML.
namespace neurosplat::report {

std::string reported_section(const std::vector<ReportedRow>& rows);
std::string runs_section(const std::vector<RunResult>& runs, EmbeddedPictures& pictures);
std::string evaluations_section(const std::vector<EvaluationResult>& evaluations,
                                EmbeddedPictures& pictures);

/// A value as people read it, escaped: numbers short, long lists and words cut.
std::string shown(const nlohmann::ordered_json& value);

/// A cell, with the class of numbers where it is one.
std::string cell(const nlohmann::ordered_json& value, const std::string& classes = "");

/// A table in a box that scrolls by itself. `head` and `body` are rows.
std::string boxed_table(const std::string& head, const std::string& body);

/// A heading cell of a table's head.
std::string head_cell(const std::string& words, bool number = false);

/// Pictures side by side, their files' names below; empty where none can be shown.
std::string picture_row(const std::vector<std::filesystem::path>& paths,
                        EmbeddedPictures& pictures);

/// What opens on a click.
std::string folded(const std::string& title, const std::string& content);

}  // namespace neurosplat::report
