#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>

#include "neurosplat/training/learner.h"
#include "neurosplat/training/option_blocks.h"

namespace neurosplat {

/// The training loop of every system, also of several processes that train together
/// (processes/process_group.h): the first one alone measures, prints and writes. The run folder
/// gets config.json; loss.csv, with a row an epoch: the epoch from 1, means of the loss's terms,
/// schedules; metrics.jsonl, an object an epoch; the learner's sheets and models; checkpoints/; and
/// events for TensorBoard where the options ask for them.
class Trainer {
 public:
  /// `config`: every option of the run, as write_options() gives them. The learner must outlive the
  /// trainer.
  Trainer(const RunOptions& options, nlohmann::ordered_json config, Learner& learner);
  ~Trainer();

  /// Continues the newest checkpoint of the run folder. Throws Error when there is none, when it is
  /// of another kind or size, or when the data are others than it was trained on: accepted, an
  /// epoch that was begun begins anew. Throws UsageError in the middle of an epoch for options that
  /// change its order.
  void resume(bool accept_changed_data = false);

  enum class Outcome { finished, interrupted };
  /// Trains to the last epoch or step, or until a signal (core/interrupt.h), which ends it after
  /// the step at hand, saved. Throws Error when loss or gradient is not finite; the last checkpoint
  /// stays.
  Outcome run();

  /// Means of the loss's terms over the last epoch, finished or not; empty before a step.
  const Figures& means() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace neurosplat
