#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace neurosplat::report {

/// One figure of a run over its epochs.
struct Term {
  struct Point {
    double epoch;  ///< from 1
    double value;  ///< NaN where the file has null: the figure was not finite
  };
  std::string key;  ///< in metrics.jsonl or loss.csv
  std::vector<Point> points;
};

/// A run's folder: config.json, metrics.jsonl, loss.csv, pictures.
struct RunResult {
  std::string name;  ///< its path from the folder on that was asked for
  std::filesystem::path folder;
  nlohmann::ordered_json settings = nlohmann::ordered_json::object();
  std::vector<Term> terms = {};  ///< in the order of the files; without epoch, step
  double epochs = 0, steps = 0;  ///< of the last line; 0 where it has none
  std::vector<std::filesystem::path> pictures = {};  ///< by name
};

/// An evaluation's folder: metrics.json and pictures.
struct EvaluationResult {
  std::string name;
  std::filesystem::path folder;
  nlohmann::ordered_json metrics;  ///< an object with `results`, an object
  std::vector<std::filesystem::path> pictures;
};

struct FoundResults {
  std::vector<RunResult> runs;
  std::vector<EvaluationResult> evaluations;
  std::vector<std::string> notes;  ///< what was passed over, and why, a line each
};

/// Runs and evaluations in and beneath `folders`, by path, each once. Links to folders and hidden
/// folders are not followed, nor more than 8 levels; broken files and lines are passed over and
/// noted. Throws UsageError for a path that is no folder.
FoundResults find_results(const std::vector<std::filesystem::path>& folders);

/// Throws Error, which names the folders, where neither a run nor an evaluation was found.
void check_not_empty(const FoundResults& found, const std::vector<std::filesystem::path>& folders);

}  // namespace neurosplat::report
