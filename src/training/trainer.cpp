#include "neurosplat/training/trainer.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "neurosplat/core/error.h"
#include "neurosplat/core/interrupt.h"
#include "neurosplat/core/log.h"
#include "neurosplat/core/progress.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/atomic_file.h"
#include "neurosplat/processes/process_group.h"
#include "neurosplat/training/checkpoint.h"
#include "neurosplat/training/run_log.h"
#include "training/epoch_order_check.h"
#include "training/event_log.h"

namespace neurosplat {
namespace {

void add_to(Figures& sums, const Figures& terms) {
  if (sums.empty()) {
    for (const auto& [name, value] : terms) sums.emplace_back(name, 0.0);
  }
  if (sums.size() != terms.size())
    throw Error("expected the terms of the steps before, got others");
  for (std::size_t i = 0; i < terms.size(); ++i) sums[i].second += terms[i].second;
}

Figures divided(Figures sums, std::int64_t by) {
  for (auto& [name, value] : sums) value /= static_cast<double>(by);
  return sums;
}

/// The options with the batch of all processes together: so many make the same order.
nlohmann::ordered_json for_order(nlohmann::ordered_json config) {
  if (!processes::alone() && config.contains("batch")) {
    config["batch"] = config["batch"].get<std::int64_t>() * processes::count();
  }
  return config;
}

struct Agreement {
  Figures terms;
  bool stop;
};

/// Collective. Means of the terms over the processes, and whether any of them is to stop.
Agreement agree(const Figures& terms, bool stop) {
  if (processes::alone()) return {terms, stop};
  std::vector<double> own = {stop ? 1.0 : 0.0};
  for (const auto& [name, value] : terms) own.push_back(value);
  const auto all = at::tensor(own, at::kDouble);
  processes::average({all});
  const auto* means = all.const_data_ptr<double>();
  Agreement agreement{{}, means[0] > 0};
  for (const auto& [name, value] : terms) agreement.terms.emplace_back(name, *++means);
  return agreement;
}

}  // namespace

struct Trainer::State {
  State(const RunOptions& given, nlohmann::ordered_json all, Learner& system)
      : options(given),
        config(std::move(all)),
        learner(system),
        batches(system.batches()),
        order(order_makers(for_order(config), batches.order_options(), batches.hash())),
        checkpoints(given.out),
        log(given.out) {}

  bool is_done() const {
    return position.epoch >= options.epochs ||
           (options.max_steps > 0 && position.step >= options.max_steps);
  }
  void begin_epoch(std::int64_t epoch) {
    position = {.epoch = epoch, .batch = 0, .step = position.step, .sums = {}};
  }
  void save();
  void write_models() const;
  Agreement guarded_step(const Batch& batch);
  bool run_epoch();
  void finish_epoch(const Figures& schedules, double seconds, std::int64_t steps);
  void draw_unfinished();
  void add_to_log(std::int64_t epoch, const Figures& schedules,
                  const nlohmann::ordered_json& metrics);

  RunOptions options;
  nlohmann::ordered_json config;
  Learner& learner;
  Batches& batches;
  OrderMakers order;
  CheckpointFolder checkpoints;
  RunLog log;
  std::optional<EventLog> events;
  TrainingPosition position;
  StageClock stages;
  processes::Traffic traffic_before;  ///< of the epoch at hand
  Figures means;
  bool interrupted = false;
  double seconds_trained = 0;
  std::int64_t epochs_trained = 0;
};

void Trainer::State::save() {
  if (!processes::first()) return;
  TensorFile state;
  learner.save(state);
  state.metadata["kind"] = learner.kind();
  note(order, state);
  checkpoints.save(std::move(state), position);
  write_models();
}

void Trainer::State::write_models() const {
  if (!processes::first()) return;
  learner.write_models(options.out, {{"epoch", std::to_string(position.epoch)},
                                     {"step", std::to_string(position.step)}});
}

/// One step, and what the processes agree on after it.
Agreement Trainer::State::guarded_step(const Batch& batch) {
  try {
    return agree(learner.step(batch, stages), InterruptGuard::raised());
  } catch (const processes::Lost& lost) {
    throw Error(text("epoch ", position.epoch + 1, ", step ", position.step + 1, ": ", lost.what(),
                     "; the last good checkpoint is ", checkpoints.newest().string()));
  } catch (const Error& error) {
    throw Error(text("epoch ", position.epoch + 1, ", step ", position.step + 1, ": ", error.what(),
                     "; stopped, the last good checkpoint is ", checkpoints.newest().string(),
                     "; try a smaller --lr"));
  }
}

/// Trains to the end of the epoch at hand; false when it was ended before.
bool Trainer::State::run_epoch() {
  const auto schedules = learner.start_epoch(position.epoch);
  batches.start_epoch(position.epoch, position.batch);
  const auto size = batches.size() * processes::count();
  ProgressLine progress(text("epoch ", position.epoch + 1, "/", options.epochs), batches.unit(),
                        batches.count() * size, position.batch * size);
  const auto begin = std::chrono::steady_clock::now();
  const std::int64_t first_step = position.step;
  stages = {};
  traffic_before = processes::traffic();
  while (const auto batch = batches.next()) {
    stages.mark("data");
    const auto [terms, stop] = guarded_step(*batch);
    ++position.batch;
    ++position.step;
    add_to(position.sums, terms);
    progress.update(position.batch * size, learner.line_of(terms));
    const bool enough = options.max_steps > 0 && position.step >= options.max_steps;
    if (stop || enough) {
      means = divided(position.sums, position.batch);
      interrupted = stop;
      return false;
    }
    stages.mark("other");
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  progress.clear();
  if (!processes::first()) {
    means = divided(position.sums, position.batch);
    begin_epoch(position.epoch + 1);
    return true;
  }
  finish_epoch(schedules, seconds.count(), position.step - first_step);
  return true;
}

void Trainer::State::add_to_log(std::int64_t epoch, const Figures& schedules,
                                const nlohmann::ordered_json& metrics) {
  Figures row;
  for (const auto& name : learner.terms_in_table(means))
    row.emplace_back(name, figure(means, name));
  row.insert(row.end(), schedules.begin(), schedules.end());
  log.add(epoch, row, metrics);
  if (events) events->add(position.step, row, metrics);
}

/// Measures, logs and announces the epoch, and moves the position to the next one.
void Trainer::State::finish_epoch(const Figures& schedules, double seconds, std::int64_t steps) {
  means = divided(position.sums, position.batch);
  const std::int64_t epoch = position.epoch + 1;
  const bool last = epoch == options.epochs;
  const auto report = learner.finish_epoch(position.epoch, means, last);
  const double rate = static_cast<double>(steps * batches.size() * processes::count()) / seconds;
  nlohmann::ordered_json metrics = {{"epoch", epoch}, {"step", position.step}};
  metrics.update(report.metrics);
  metrics["seconds"] = seconds;
  metrics[batches.unit() + "_per_second"] = rate;
  for (const auto& [stage, spent] : stages.seconds()) metrics[text("seconds_", stage)] = spent;
  if (!processes::alone()) {
    metrics["processes"] = processes::count();
    metrics["communicated_bytes"] = processes::traffic().bytes - traffic_before.bytes;
    metrics["seconds_communicating"] = processes::traffic().seconds - traffic_before.seconds;
  }
  auto line = text("epoch ", epoch, "/", options.epochs, ": ", report.line, ", ", fixed(rate, 1),
                   " ", batches.unit(), "/s, ", fixed(seconds, 1), " s");
  const bool draws = is_due(epoch, options.pictures_every, last);
  if (draws) learner.draw(options.out, epoch);
  seconds_trained += seconds;
  ++epochs_trained;
  if (!last) {
    const double left = seconds_trained / static_cast<double>(epochs_trained) *
                        static_cast<double>(options.epochs - epoch);
    line += text(", ETA ", clock_text(left));
  }
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
  add_to_log(epoch, schedules, metrics);
  if (draws) log.draw(learner.curves());
  if (draws && events) events->add_sheets(position.step, epoch);
  begin_epoch(epoch);
  if (is_due(epoch, options.checkpoint_every, last)) save();
}

/// The sheets of the epoch that --max-steps ended.
void Trainer::State::draw_unfinished() {
  learner.draw(options.out, position.epoch + 1);
  if (events) events->add_sheets(position.step, position.epoch + 1);
}

Trainer::Trainer(const RunOptions& options, nlohmann::ordered_json config, Learner& learner)
    : state_(std::make_unique<State>(options, std::move(config), learner)) {}

Trainer::~Trainer() = default;

void Trainer::resume(bool accept_changed_data) {
  auto& state = *state_;
  auto loaded = state.checkpoints.load_newest();
  if (!loaded) {
    throw Error(text(state.options.out.string(),
                     ": expected a checkpoint to resume, found none; start without --resume"));
  }
  try {
    check_kind(loaded->state, state.learner.kind());
    state.learner.load(loaded->state);
    if (loaded->position.sums.empty() && loaded->position.batch > 0) {
      loaded->position.sums = state.learner.sums_before_names(loaded->state);
    }
  } catch (const Error& error) {
    throw Error(text(loaded->path.string(), ": ", error.what()));
  }
  const bool anew =
      must_begin_epoch_anew(state.order, *loaded, state.options.out, accept_changed_data);
  state.position = loaded->position;
  if (anew) state.begin_epoch(state.position.epoch);
  if (processes::first()) state.log.keep_through(state.position.epoch);
  log::info(text("resuming ", loaded->path.string(), ": epoch ", state.position.epoch + 1,
                 ", batch ", state.position.batch + 1));
}

Trainer::Outcome Trainer::run() {
  auto& state = *state_;
  const auto& options = state.options;
  if (state.position.step > 0 && state.is_done()) {
    log::info(text("nothing left to train: ", state.position.epoch, " epochs and ",
                   state.position.step, " steps are done; ask for more with --epochs",
                   options.max_steps > 0 ? " or --max-steps" : ""));
    state.write_models();  // a process killed after its last checkpoint has not
    return Outcome::finished;
  }
  std::error_code failure;
  std::filesystem::create_directories(options.out, failure);
  if (failure) throw Error(text(options.out.string(), ": cannot make it: ", failure.message()));
  if (processes::first()) {
    write_file_atomically(options.out / "config.json", state.config.dump(2) + "\n");
    if (options.tensorboard) state.events.emplace(options.out, state.position.step);
  }
  const InterruptGuard guard;
  if (state.position.step == 0) state.save();
  while (!state.is_done()) {
    if (state.run_epoch()) continue;
    state.save();
    if (state.interrupted) return Outcome::interrupted;
    if (options.pictures_every > 0 && processes::first()) state.draw_unfinished();
    break;
  }
  return Outcome::finished;
}

const Figures& Trainer::means() const {
  return state_->means;
}

}  // namespace neurosplat
