#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "neurosplat/io/safetensors.h"
#include "neurosplat/training/figures.h"
#include "neurosplat/training/stage_clock.h"

/// What a system brings so that the trainer trains it (trainer.h).
namespace neurosplat {

/// Tensors of one batch, in an order of the system's own.
using Batch = std::vector<at::Tensor>;

/// The batches of an epoch. Their content depends on the epoch and on the options named by
/// order_options() alone, so that a run goes on exactly where it stood. Where several processes
/// train (processes/process_group.h), each gets its part of every batch: processes::own_rows().
class Batches {
 public:
  virtual ~Batches() = default;

  virtual std::int64_t count() const = 0;  ///< batches an epoch, of all processes together
  virtual std::int64_t size() const = 0;   ///< items of a batch that this process gets
  virtual std::string unit() const = 0;    ///< what the items are, plural: "images"
  /// 16 hexadecimal digits that tell other data apart.
  virtual std::string hash() const = 0;
  /// Options that decide which items each batch holds.
  virtual std::vector<std::string> order_options() const { return {"batch", "seed"}; }

  /// Starts epoch `epoch` (from 0) at batch `first`.
  virtual void start_epoch(std::int64_t epoch, std::int64_t first) = 0;
  /// The next batch, nothing at the end of the epoch.
  virtual std::optional<Batch> next() = 0;
};

/// What an epoch came to.
struct EpochReport {
  nlohmann::ordered_json metrics;  ///< for metrics.jsonl, flat
  std::string line;                ///< the same for the reader: "rec 0.03, PSNR 15.2 dB"
};

/// A model, its optimiser, its noise and its data: everything that training changes and needs.
class Learner {
 public:
  virtual ~Learner() = default;

  /// The system's name as in its subcommand: "splat-vae". Checkpoints keep it.
  virtual std::string kind() const = 0;
  virtual Batches& batches() = 0;

  /// Before the first step of an epoch (from 0), or before the first of what is left of it:
  /// schedules by epoch, phases, freezing. Returns the schedules' values for loss.csv.
  virtual Figures start_epoch(std::int64_t epoch) = 0;
  /// One batch. Returns the loss's terms, the same names in the same order every time, at least
  /// one. Throws Error and leaves the weights as they were when loss or gradient is not finite.
  virtual Figures step(const Batch& batch, StageClock& clock) = 0;
  /// The terms that loss.csv shows; all by default.
  virtual std::vector<std::string> terms_in_table(const Figures& terms) const;
  /// Terms of a step or their means, for a progress line.
  virtual std::string line_of(const Figures& terms) const = 0;

  /// After the last step of an epoch, with the terms' means over it. `last`: of the run.
  virtual EpochReport finish_epoch(std::int64_t epoch, const Figures& means, bool last) = 0;
  /// What curves.png shows; without lines there is none.
  virtual Curves curves() const { return {}; }
  /// Writes the sheets of pictures of the epoch that is counted from 1.
  virtual void draw(const std::filesystem::path& run, std::int64_t epoch) const = 0;

  /// Everything that a step changes, for an exact resume.
  virtual void save(TensorFile& state) const = 0;
  /// Throws Error when the state is of another model.
  virtual void load(const TensorFile& state) = 0;
  /// Sums of the terms over the epoch in checkpoints from before these had names (`sum.*`); the
  /// kinds that wrote such ones know how. Empty when there are none.
  virtual Figures sums_before_names(const TensorFile& state) const;

  /// Writes the models into the run folder, with `where` (epoch and step) in their metadata.
  virtual void write_models(const std::filesystem::path& run,
                            const std::map<std::string, std::string>& where) const = 0;

  /// Starts from the weights of a model file, with a fresh optimiser. Throws UsageError where the
  /// kind does not take any, or they are of another size.
  virtual void start_from(const std::filesystem::path& model);
};

/// Whether what is done every `every` epochs (0: never) and after the last is due after `epoch`
/// (from 1).
inline bool is_due(std::int64_t epoch, std::int64_t every, bool last) {
  return every > 0 && (last || epoch % every == 0);
}

/// RUN/NAME_###.png, ### the epoch from 1.
std::filesystem::path sheet_path(const std::filesystem::path& run, const std::string& name,
                                 std::int64_t epoch);

}  // namespace neurosplat
