#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace neurosplat {

/// The lines a run leaves behind: `loss.csv` (epoch,rec,kl,beta) and `metrics.jsonl` (one object
/// an epoch). Both are rewritten whole at each epoch, so that no reader sees half a line.
class RunLog {
 public:
  explicit RunLog(const std::filesystem::path& run_folder);

  /// Takes over what an earlier process wrote, up to and with epoch `last` (from 1).
  void keep_through(std::int64_t last);

  void add(std::int64_t epoch, double rec, double kl, double beta,
           const nlohmann::ordered_json& metrics);

 private:
  void write() const;

  std::filesystem::path loss_path_, metrics_path_;
  std::vector<std::string> loss_, metrics_;
};

}  // namespace neurosplat
