#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "neurosplat/io/event_file.h"
#include "neurosplat/training/figures.h"

namespace neurosplat {

/// What a run says of its epochs, as events for TensorBoard in the run's folder. Steps are the
/// optimiser's. Tags are GROUP/KEY with the key of metrics.jsonl or loss.csv: `held_out/` what was
/// measured on pictures held out, `time/` seconds and rates, `train/` the rest, `pictures/` sheets.
class EventLog {
 public:
  /// `step`: how many the run has behind it. Throws Error when the file cannot be written.
  EventLog(const std::filesystem::path& run, std::int64_t step);

  /// Every number of the epoch's line in metrics.jsonl, and what only its row of loss.csv has.
  void add(std::int64_t step, const Figures& row, const nlohmann::ordered_json& metrics);
  /// The sheets of the epoch (from 1) that lie in the run's folder.
  void add_sheets(std::int64_t step, std::int64_t epoch);

 private:
  std::filesystem::path run_;
  EventFile file_;
};

}  // namespace neurosplat
