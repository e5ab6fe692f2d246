#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "neurosplat/io/safetensors.h"
#include "neurosplat/training/figures.h"

namespace neurosplat {

/// Where a run stands: the epoch it is in (from 0), batches of it done, steps in all, and the
/// epoch's sums of the loss's terms so far. A position with batch 0 stands between two epochs.
struct TrainingPosition {
  std::int64_t epoch = 0;
  std::int64_t batch = 0;
  std::int64_t step = 0;
  Figures sums;  ///< empty before the first step, and in checkpoints from before they had names
};

/// A number of a checkpoint's metadata; nothing where there is none of that name.
std::optional<double> number_in(const TensorFile& state, const std::string& key);

/// Throws Error when the checkpoint says that it is of another kind of model.
void check_kind(const TensorFile& state, const std::string& kind);

/// Resumable states of a run, `checkpoints/step-########.safetensors` in the run folder. Each is
/// one file, written whole or not at all; the last two are kept.
class CheckpointFolder {
 public:
  explicit CheckpointFolder(const std::filesystem::path& run_folder);

  /// Adds the position to `state.metadata`, writes it and removes all but the last two.
  void save(TensorFile state, const TrainingPosition& position) const;

  struct Loaded {
    TensorFile state;
    TrainingPosition position;
    std::filesystem::path path;
  };
  /// The newest checkpoint that can be read, nothing when there is none. A newer one that cannot
  /// be read is named in a warning; Error when all are unreadable.
  std::optional<Loaded> load_newest() const;

  /// Path of the newest checkpoint; empty when there is none.
  std::filesystem::path newest() const;

 private:
  std::vector<std::filesystem::path> list() const;  // oldest first
  std::filesystem::path folder_;
};

}  // namespace neurosplat
