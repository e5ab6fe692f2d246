#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace neurosplat::report {

/// A figure that a source reports, and where ours stands in an evaluation's metrics.json.
struct ReportedFigure {
  std::string name;  ///< with its unit
  std::string key;   ///< see value_at()
  std::optional<double> published = {};
  int decimals = 3;  ///< that were printed, and that ours is shown with
  bool higher_is_better = true;
  std::string source = {};  ///< of the published figure
  std::string floor_key = {},
              floor_name = {};  ///< of a floor in the same metrics.json; empty: none
  std::string reason = {};      ///< why ours is another, where metrics.json does not say it
};

/// One command of neurosplat-evaluate and the reported figures that it regenerates.
struct ReportedEvaluation {
  std::string name, system;
  std::vector<std::string>
      arguments;  ///< from the subcommand on; {data} and {model:FILE} stand for paths
  std::vector<std::string> quick = {};  ///< added for a trial in seconds
  std::vector<std::string> needs = {};  ///< below the folder of data
  double minutes = 1;                   ///< of one core
  std::vector<ReportedFigure> figures = {};
};

/// The table that is compiled in (src/report/reported_figures.json), or one of the same form.
/// Throws Error, which names `origin`, for anything else.
std::vector<ReportedEvaluation> reported_evaluations(const std::string& json,
                                                     const std::string& origin);
std::string shipped_reported_figures();

/// How an evaluation ended.
enum class Ending { done, skipped, failed };

/// A row of the table: ours beside theirs.
struct ReportedRow {
  std::string system, evaluation;
  ReportedFigure figure;
  Ending ending = Ending::done;
  std::string why = {};  ///< it was skipped or failed, or ours misses the published figure
  nlohmann::ordered_json ours = nullptr, floor = nullptr;

  /// "equal" to the last printed digit, "better", "misses", "not published", "skipped", "failed".
  std::string verdict() const;
};

/// The rows of one evaluation. `metrics`: the object of its metrics.json, used where it is done.
/// Where that has a published figure under the same key which is another than the table's, or has
/// no figure, the row has failed and says so.
std::vector<ReportedRow> rows_of(const ReportedEvaluation& evaluation, Ending ending,
                                 const std::string& why, const nlohmann::ordered_json& metrics);

/// The table as text with columns, a reason below each row that has one.
std::string as_text(const std::vector<ReportedRow>& rows);

/// How many rows have each verdict: "31 equal, 4 better, 12 misses, 3 not published, 5 skipped, 0
/// failed".
std::string summary(const std::vector<ReportedRow>& rows);

}  // namespace neurosplat::report
