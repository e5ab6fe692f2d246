#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "neurosplat/training/figures.h"

namespace neurosplat {

/// The lines a run leaves behind, one an epoch: `loss.csv`, whose columns are `epoch` and the
/// figures of the first row, and `metrics.jsonl`, objects; `curves.png` draws them. Both are
/// rewritten whole at each epoch, so that no reader sees half a line.
class RunLog {
 public:
  explicit RunLog(const std::filesystem::path& run_folder);

  /// Takes over what an earlier process wrote, up to and with epoch `last` (from 1). A loss.csv
  /// with rows keeps its columns; a figure that it has none for is in metrics.jsonl alone.
  void keep_through(std::int64_t last);

  void add(std::int64_t epoch, const Figures& row, const nlohmann::ordered_json& metrics);

  /// Writes curves.png: the lines that have a point, over epochs. Nothing without any.
  void draw(const Curves& curves) const;

 private:
  void write() const;

  std::filesystem::path loss_path_, metrics_path_, curves_path_;
  std::string header_;  ///< of loss.csv; empty before the first row
  std::vector<std::string> loss_, metrics_;
};

}  // namespace neurosplat
