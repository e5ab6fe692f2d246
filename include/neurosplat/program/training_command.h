#pragma once

#include <ATen/Parallel.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "neurosplat/core/device.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/interrupt.h"
#include "neurosplat/core/log.h"
#include "neurosplat/core/text.h"
#include "neurosplat/processes/process_group.h"
#include "neurosplat/program/config_options.h"
#include "neurosplat/program/program.h"
#include "neurosplat/training/checkpoint.h"
#include "neurosplat/training/options.h"
#include "neurosplat/training/run_folder.h"
#include "neurosplat/training/trainer.h"

namespace neurosplat::apps {

/// What one kind of training adds to what all do alike.
template <class Config>
struct TrainingKind {
  const char* name;         ///< of the subcommand
  const char* description;  ///< of what it trains
  const char* resume_help;
  const char* smoke_help;
  /// Second names of options, e.g. {"data", "data_dir"}.
  std::map<std::string, std::string> aliases;

  void (*use_smoke_settings)(Config&);
  /// Whether a run with this configuration was made by --smoke.
  bool (*is_smoke)(const Config&);
  /// The folder of which every picture is read; empty for none.
  std::filesystem::path (*folder_read)(const Config&);
  /// What its runs write into their folder beside what all do: files with weights, and sheets of
  /// pictures, ### for the epoch.
  std::vector<std::string> models, sheets;
  /// Whether --resume also takes a file of weights to start from.
  bool takes_weights;
  /// Settles values that belong to the run, from those of the run that is resumed if there is one.
  void (*settle)(Config&, const Config* resumed);
  std::unique_ptr<Learner> (*make_learner)(const Config&, const at::Device&, bool smoke);
};

/// What stands on the command line.
template <class Config>
struct TrainingRequest {
  Config given;  ///< of the flags; what was not given has its default
  const CLI::App* command = nullptr;
  std::string config_file, resume_path;
  bool smoke = false, overwrite = false, accept_changed_data = false;
  double join_seconds = 300, answer_seconds = 1800;
  bool begun_before = false;  ///< by this very group of processes, which was then started anew

  bool has(const char* option) const { return command->get_option(option)->count() > 0; }
};

/// What is to be trained, and where: nothing of an old run is removed yet.
template <class Config>
struct PreparedRun {
  Config config;
  bool continues = false;
  std::unique_ptr<RunFolder> folder;
};

template <class Config>
void add_training_options(CLI::App& command, TrainingRequest<Config>& request,
                          const TrainingKind<Config>& kind) {
  request.command = &command;
  add_config_options(command, request.given, kind.aliases);
  let_amp_be_a_flag(command, request.given.amp);
  const auto in_run_group = [](CLI::Option* option) { option->group("Run"); };
  in_run_group(command.add_option("--config", request.config_file,
                                  "JSON file of options, named as here; overrides those of a "
                                  "resumed run, flags override it"));
  in_run_group(
      command.add_option("--resume", request.resume_path, kind.resume_help)->expected(0, 1));
  in_run_group(command.add_flag("--accept-changed-data", request.accept_changed_data,
                                "resume on other data than the run was trained on; an epoch that "
                                "was begun begins anew"));
  in_run_group(
      command.add_flag("--overwrite", request.overwrite, "replace a run that --out holds already"));
  in_run_group(command.add_flag("--smoke", request.smoke, kind.smoke_help));
  const auto in_process_group = [](CLI::Option* option) {
    option->group("Several processes (torchrun)");
  };
  in_process_group(command
                       .add_option("--join-timeout", request.join_seconds,
                                   "seconds in which all processes must have come")
                       ->check(CLI::Range(0.1, 1e6)));
  in_process_group(command
                       .add_option("--answer-timeout", request.answer_seconds,
                                   "seconds that one may keep the others waiting, as while the "
                                   "first measures and draws")
                       ->check(CLI::Range(0.1, 1e6)));
}

/// Defaults, below smoke settings, below config.json of the run in `run` (none when empty), below
/// --config, below flags. What differs from the run's own is told on one line.
template <class Config>
Config layered_options(const TrainingRequest<Config>& request, const TrainingKind<Config>& kind,
                       const std::filesystem::path& run) {
  Config config;
  if (request.smoke) kind.use_smoke_settings(config);
  const auto read = [&](const std::filesystem::path& file) {
    read_options(config, read_json_file(file), file.string());
  };
  if (!run.empty()) {
    if (!std::filesystem::exists(run / "config.json")) {
      throw Error(text((run / "config.json").string(),
                       ": expected the options of the run to resume, found no file"));
    }
    const auto file = run / "config.json";
    read_saved_options(config, read_json_file(file), file.string());
  }
  Config before = config;
  if (!request.config_file.empty()) read(request.config_file);
  copy_given_options(*request.command, request.given, config);
  kind.settle(config, run.empty() ? nullptr : &before);
  if (run.empty()) return config;
  config.out = before.out = run;
  const auto changes = changed_options(before, config);
  if (!changes.empty()) log::info("changed from the run's config.json: " + changes);
  return config;
}

/// Whether --resume names a run (or nothing: the one in --out) rather than a file of weights.
template <class Config>
bool continues_run(const TrainingRequest<Config>& request, const TrainingKind<Config>& kind) {
  if (request.begun_before && !request.has("--resume")) return true;
  if (!request.has("--resume")) return false;
  std::error_code ignored;
  const std::filesystem::path path = request.resume_path;
  if (path.empty() || std::filesystem::is_directory(path, ignored)) return true;
  if (kind.takes_weights && std::filesystem::exists(path, ignored)) return false;
  if (kind.takes_weights) {
    throw Error(text("--resume: expected the folder of a run or a model file, ", path.string(),
                     " is not there"));
  }
  throw UsageError(text("--resume: expected the folder of a run, got ", path.string()));
}

template <class Config>
std::filesystem::path folder_to_continue(const TrainingRequest<Config>& request,
                                         const TrainingKind<Config>& kind) {
  const std::filesystem::path path = request.resume_path;
  if (path.empty()) {
    const auto out = layered_options(request, kind, {}).out;
    if (std::filesystem::is_directory(out)) return out;
    throw Error(text(out.string(),
                     ": expected the folder of a run with a checkpoint to resume, "
                     "found none; start without --resume"));
  }
  if (request.has("--out") && !same_place(path, request.given.out)) {
    throw UsageError("--resume FOLDER continues in that folder: leave --out away");
  }
  return path.has_filename() ? path : path.parent_path();  // no slash at the end
}

/// A run's sheets would be found among the pictures when it is resumed.
template <class Config>
void check_apart(const Config& config, const TrainingKind<Config>& kind) {
  const auto read = kind.folder_read(config);
  if (read.empty() || !lies_in(config.out, read)) return;
  throw UsageError(text("out: expected a folder outside of the pictures, ", config.out.string(),
                        " lies in ", read.string(), ", of which every picture is trained on: ",
                        "choose another --out, or move the run elsewhere to resume it"));
}

/// Only --smoke's own folder, and only a run of its own in it, is replaced unasked.
template <class Config>
bool may_replace(const TrainingRequest<Config>& request, const TrainingKind<Config>& kind,
                 const std::filesystem::path& out) {
  if (request.overwrite || request.begun_before) return true;
  Config smoke, found;
  kind.use_smoke_settings(smoke);
  if (!request.smoke || !same_place(out, smoke.out)) return false;
  try {
    const auto file = out / "config.json";
    read_options(found, read_json_file(file), file.string());
  } catch (const Error&) {
    return false;
  }
  return kind.is_smoke(found);
}

/// Takes the run folder and resolves the options. An old run in it is to be removed by
/// folder->clear() once everything that can fail has been tried.
template <class Config>
PreparedRun<Config> prepare_run(const TrainingRequest<Config>& request,
                                const TrainingKind<Config>& kind,
                                const std::vector<std::string>& run_files) {
  PreparedRun<Config> run;
  run.continues = continues_run(request, kind);
  if (run.continues) {
    run.folder = std::make_unique<RunFolder>(folder_to_continue(request, kind), run_files);
    run.config = layered_options(request, kind, run.folder->path());
    check(run.config);
    check_apart(run.config, kind);
    return run;
  }
  run.config = layered_options(request, kind, {});
  check(run.config);
  check_apart(run.config, kind);
  run.folder = std::make_unique<RunFolder>(run.config.out, run_files);
  if (run.folder->holds_run() && !may_replace(request, kind, run.config.out)) {
    throw UsageError(text(run.config.out.string(),
                          " holds a run already: continue it with --resume, replace it with "
                          "--overwrite, or choose another --out"));
  }
  return run;
}

/// "a and b".
inline std::string joined(const std::vector<std::string>& names) {
  std::string list;
  for (const auto& name : names) list += (list.empty() ? "" : " and ") + name;
  return list;
}

/// A checkpoint to go on from where the group was started anew in a run that it had begun.
template <class Config>
bool was_begun_before(const TrainingRequest<Config>& request, const TrainingKind<Config>& kind) {
  if (processes::place().restarts == 0) return false;
  const auto out = layered_options(request, kind, {}).out;
  return processes::remembers(out.string()) && !CheckpointFolder(out).newest().empty();
}

/// The first process takes the run folder and tells the others the options.
template <class Config>
PreparedRun<Config> prepare_together(const TrainingRequest<Config>& request,
                                     const TrainingKind<Config>& kind,
                                     const std::vector<std::string>& run_files) {
  PreparedRun<Config> run;
  if (processes::first()) run = prepare_run(request, kind, run_files);
  if (processes::alone()) return run;
  nlohmann::ordered_json told;
  if (processes::first())
    told = {{"continues", run.continues}, {"options", write_options(run.config)}};
  told = nlohmann::ordered_json::parse(processes::from_first(told.dump()));
  if (!processes::first()) {
    run.continues = told.at("continues").template get<bool>();
    read_options(run.config, told.at("options"), "process 0");
  }
  return run;
}

/// All train on parts of the same batches.
inline void expect_same_data(const Batches& batches) {
  const auto own = text(batches.hash(), " in ", batches.count(), " batches");
  const auto data = processes::from_first(own);
  if (data == own) return;
  throw Error(text("processes: expected the data of process 0 (", data, "), process ",
                   processes::place().rank, " got others (", own,
                   "): give all processes the same files"));
}

/// Cores are shared among the processes of this machine.
inline int own_threads(int threads) {
  if (threads > 0 || processes::alone()) return threads;
  const auto cores = static_cast<std::int64_t>(std::max(1U, std::thread::hardware_concurrency()));
  return static_cast<int>(std::max<std::int64_t>(1, cores / processes::place().local_count));
}

/// Where the signal came to another process, as if SIGTERM had come to this one.
inline int exit_code_of_interruption() {
  constexpr int kTerminated = 128 + SIGTERM;
  const int own = InterruptGuard::exit_code();
  return own != 0 ? own : kTerminated;
}

template <class Config>
int train(TrainingRequest<Config> request, const TrainingKind<Config>& kind,
          const std::vector<std::string>& run_files) {
  const auto milliseconds = [](double seconds) {
    return std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
  };
  const auto place = processes::place_in_environment();
  if (place.rank > 0) log::keep_quiet();
  const processes::Membership membership(place, milliseconds(request.join_seconds),
                                         milliseconds(request.answer_seconds));
  request.begun_before = was_begun_before(request, kind);
  const auto run = prepare_together(request, kind, run_files);
  const auto& config = run.config;
  use_threads(own_threads(config.threads));
  const auto device = processes::own_device(device_from_name(config.device));
  if (!processes::alone()) {
    log::info(text(processes::count(), " processes train together, ", processes::count(),
                   " batches a step"));
  }
  log::info(text("device ", device.str(), config.device == "auto" ? " (auto)" : "", ", ",
                 at::get_num_threads(), " CPU threads, networks in ",
                 config.amp_on(device) ? "bf16" : "float32", ", run folder ", config.out.string()));
  const auto learner = kind.make_learner(config, device, request.smoke);
  expect_same_data(learner->batches());
  Trainer trainer(config, write_options(config), *learner);
  if (run.continues) {
    trainer.resume(request.accept_changed_data);
  } else if (request.has("--resume")) {
    learner->start_from(request.resume_path);
    log::info(
        text("starting from the weights of ", request.resume_path, " with a fresh optimiser"));
  }
  if (!run.continues && processes::first()) {
    run.folder->clear();
    processes::remember(config.out.string());
  }
  const bool interrupted = trainer.run() == Trainer::Outcome::interrupted;
  if (!processes::first()) return interrupted ? exit_code_of_interruption() : 0;
  if (interrupted) {
    log::warn(text("interrupted: saved; continue with --resume ", config.out.string()));
    return exit_code_of_interruption();
  }
  if (request.smoke) {
    std::printf("smoke: ok, %s\n", learner->line_of(trainer.means()).c_str());
  } else {
    std::printf("done: %s in %s\n", joined(kind.models).c_str(), config.out.c_str());
  }
  return 0;
}

/// Adds the subcommand; the caller adds options that are no part of a run's configuration.
template <class Config>
CLI::App& add_training(Program& program, const TrainingKind<Config>& kind) {
  const auto request = std::make_shared<TrainingRequest<Config>>();
  auto& files = program.run_files();
  for (const auto& written : {kind.models, kind.sheets}) {
    files.insert(files.end(), written.begin(), written.end());
  }
  auto& command = program.add(kind.name, kind.description,
                              [request, kind, &files] { return train(*request, kind, files); });
  add_training_options(command, *request, kind);
  return command;
}

}  // namespace neurosplat::apps
