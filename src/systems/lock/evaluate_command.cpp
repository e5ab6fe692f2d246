#include "neurosplat/systems/lock/commands.h"

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "neurosplat/core/device.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/interrupt.h"
#include "neurosplat/core/log.h"
#include "neurosplat/core/text.h"
#include "neurosplat/evaluation/metrics_file.h"
#include "neurosplat/io/image_file.h"
#include "neurosplat/io/outputs.h"
#include "neurosplat/program/command_options.h"
#include "neurosplat/systems/lock/lock_curve.h"
#include "neurosplat/systems/splat_vae/model_file.h"
#include "neurosplat/systems/splat_vae/model_options.h"
#include "systems/lock/lock_sets.h"

namespace neurosplat::apps {
namespace {

namespace fs = std::filesystem;

struct Options {
  fs::path model, out = "./evaluation/lock";
  LockSetOptions sets;
  std::vector<std::string> solvers = {"closed-form", "adam-0.2x5", "adam-0.05x10", "latent"};
  LockCurveRequest request = {.solvers = {}, .budgets_ms = {5, 10, 20, 33, 66, 100}};
  double example_budget_ms = 33;
  std::int64_t refine = 0;
  int threads = 0;
  bool overwrite = false;
};

constexpr const char *kMetrics = "metrics.json", *kTable = "per_picture.csv",
                     *kCurve = "lock_curve.png", *kExamples = "examples.png";

nlohmann::ordered_json json_of(const LockRow& row) {
  nlohmann::ordered_json json = {{"set", row.set},
                                 {"mode", name_of(row.mode)},
                                 {"solver", row.solver},
                                 {"budget_ms", row.budget_ms},
                                 {"pictures", row.pictures},
                                 {"psnr_mean_db", row.psnr_mean_db},
                                 {"prior_db", row.prior_db},
                                 {"latency_p50_ms", row.latency_p50_ms},
                                 {"latency_p99_ms", row.latency_p99_ms},
                                 {"floaters_per_image", row.floaters_per_image},
                                 {"spurious_per_image", row.spurious_per_image}};
  if (row.dropped_frames) json["dropped_frames"] = *row.dropped_frames;
  return json;
}

/// What the reference's Adam reaches in its own five and ten steps. Nothing is published of the
/// other solvers.
nlohmann::ordered_json published_rows() {
  const auto row = [](const char* solver, double least, double most) {
    return nlohmann::ordered_json{{"solver", solver},       {"set", "flowers"},
                                  {"mode", "cold"},         {"pictures", 4},
                                  {"psnr_least_db", least}, {"psnr_most_db", most}};
  };
  return {{"rows", {row("adam-0.2x5", 14.0, 15.7), row("adam-0.05x10", 16.7, 19.2)}},
          {"source",
           "docs/lock.md, \"Measuring\": the reference's Adam on four flowers from a random "
           "start, without a model's prior and without a budget; nothing is published of the "
           "closed form or of the latent solver"}};
}

MetricsFile metrics_of(const Options& options, const DescribedSplatVae& described,
                       const LockSets& opened, const std::vector<LockRow>& rows, bool complete) {
  const auto& sizes = described.model.architecture();
  MetricsFile file{.experiment = "lock"};
  file.settings = {{"model", options.model.string()},
                   {"image_size", sizes.image_size},
                   {"num_packets", sizes.packets},
                   {"latent", sizes.latent},
                   {"refine", options.refine},
                   {"dataset", nullptr},
                   {"split", nullptr},
                   {"split_seed", nullptr},
                   {"list_hash", nullptr},
                   {"held_out", nullptr},
                   {"count", options.sets.count},
                   {"seed", options.sets.data_set.seed},
                   {"solvers", options.solvers},
                   {"budgets_ms", options.request.budgets_ms},
                   {"still_budgets_ms", options.request.still_budgets_ms},
                   {"still_frames", options.request.still_frames},
                   {"video_budgets_ms", options.request.video_budgets_ms},
                   {"video_rates_per_s", nlohmann::ordered_json::object()}};
  if (opened.split) {
    file.settings["dataset"] = options.sets.data_set.dataset;
    file.settings["split"] = options.sets.data_set.split;
    file.settings["split_seed"] = opened.split->request.split_seed;
    file.settings["list_hash"] = opened.split->pictures->list_hash();
    file.settings["held_out"] = name_of(opened.split->held_out);
  }
  file.settings.update(settings_of_model(described));
  for (const auto& set : opened.sets) {
    if (set.frames_per_second > 0) {
      file.settings["video_rates_per_s"][set.name] = set.frames_per_second;
    }
  }
  auto list = nlohmann::ordered_json::array();
  for (const auto& row : rows) list.push_back(json_of(row));
  file.results["complete"] = complete;
  file.results["rows"] = std::move(list);
  if (opened.split && options.sets.data_set.dataset == "flowers" && sizes.image_size == 128 &&
      sizes.packets == 512) {
    file.reference = published_rows();
  }
  return file;
}

void print_heading() {
  std::printf("%-14s %-5s %-16s %9s %8s %8s %8s %8s %8s %8s %8s %7s\n", "set", "mode", "solver",
              "budget ms", "PSNR dB", "prior dB", "p50 ms", "p99 ms", "floaters", "spurious",
              "pictures", "dropped");
  std::fflush(stdout);
}

/// At once, so that a long run shows what it has.
void print_row(const LockRow& row) {
  const auto dropped = row.dropped_frames ? text(*row.dropped_frames) : std::string("-");
  std::printf("%-14s %-5s %-16s %9s %8.2f %8.2f %8.2f %8.2f %8.2f %8.2f %8lld %7s\n",
              row.set.c_str(), name_of(row.mode).c_str(), row.solver.c_str(),
              text(row.budget_ms).c_str(), row.psnr_mean_db, row.prior_db, row.latency_p50_ms,
              row.latency_p99_ms, row.floaters_per_image, row.spurious_per_image,
              static_cast<long long>(row.pictures), dropped.c_str());
  std::fflush(stdout);
}

void print_reference(const nlohmann::ordered_json& reference) {
  if (reference.is_null()) return;
  for (const auto& row : reference["rows"]) {
    std::printf("%-14s %-5s %-16s %9s %4.1f-%4.1f   (published: %d flowers, random start)\n",
                row["set"].get<std::string>().c_str(), row["mode"].get<std::string>().c_str(),
                row["solver"].get<std::string>().c_str(), "none",
                row["psnr_least_db"].get<double>(), row["psnr_most_db"].get<double>(),
                row["pictures"].get<int>());
  }
}

void check_outputs(const Options& options) {
  Outputs outputs(options.overwrite);
  const auto& sets = options.sets;
  outputs.reads("model", options.model, kModelFileNames);
  outputs.reads("data", sets.data_set.data);
  outputs.reads("kodak", sets.kodak);
  for (const auto& folder : sets.images) outputs.reads("images", folder);
  for (const auto& video : sets.videos) outputs.reads("video", video);
  outputs.writes("out", options.out, {kMetrics, kTable, kCurve, kExamples});
  outputs.check();
}

void make_folder(const fs::path& folder) {
  std::error_code failure;
  fs::create_directories(folder, failure);
  if (failure) throw Error(text(folder.string(), ": cannot make it: ", failure.message()));
}

void write_rows(const fs::path& out, const MetricsFile& metrics, const std::vector<LockRow>& rows) {
  make_folder(out);
  write_per_picture_csv(out / kTable, rows);
  write_png(out / kCurve, lock_curve_figure(rows));
  write_metrics(out / kMetrics, metrics);
}

/// What was measured before somebody grew impatient. Examples of an earlier run are not of it.
int leave(const Options& options, const MetricsFile& metrics, const std::vector<LockRow>& rows) {
  if (rows.empty()) {
    log::warn("interrupted before the first row: nothing is written");
    return InterruptGuard::exit_code();
  }
  write_rows(options.out, metrics, rows);
  std::error_code ignored;
  fs::remove(options.out / kExamples, ignored);
  log::warn(text("interrupted: ", rows.size(), " rows, marked as not complete, are in ",
                 options.out.string()));
  return InterruptGuard::exit_code();
}

int evaluate(Options options) {
  if (options.threads < 0) throw UsageError("threads: expected at least 0");
  use_threads(options.threads);
  auto& request = options.request;
  for (const auto& name : options.solvers) request.solvers.push_back(lock_solver_from_name(name));
  check(request);
  if (!(options.example_budget_ms > 0)) {
    throw UsageError(
        text("example-budget: expected milliseconds above 0, got ", options.example_budget_ms));
  }
  if (options.model.empty()) options.model = shipped_model();
  check_outputs(options);
  const auto described = load_described_splat_vae(options.model);
  const auto model = described.model.refining(options.refine);
  const auto trained = trained_on(described);
  settle_data_set(options.sets.data_set, trained);
  const auto opened = open_lock_sets(options.sets, model.architecture().image_size, trained);
  const auto& sets = opened.sets;
  const InterruptGuard guard;
  print_heading();
  const auto rows = measure_lock(model, sets, request, print_row);
  const bool complete = !InterruptGuard::raised();
  const auto metrics = metrics_of(options, described, opened, rows, complete);
  if (!complete) return leave(options, metrics, rows);
  print_reference(metrics.reference);
  write_rows(options.out, metrics, rows);
  write_png(options.out / kExamples,
            lock_examples(model, sets, request.solvers, options.example_budget_ms));
  std::printf("written: %s, %s, %s, %s in %s\n", kMetrics, kTable, kCurve, kExamples,
              options.out.c_str());
  return InterruptGuard::exit_code();
}

void add_set_options(CLI::App& command, LockSetOptions& sets) {
  add_data_set_options(command, sets.data_set);
  command.add_option("--kodak", sets.kodak, "folder of pictures, all of them taken");
  command.add_option("--images", sets.images,
                     "more folders of pictures, each a set of its own; faces show what a prior of "
                     "flowers does with what it does not know");
  command.add_option("--video", sets.videos, "videos, each a set of its own, at their own rates");
  command
      .add_option("--count", sets.count,
                  "pictures of the data set and of each --images at most, chosen by --seed")
      ->capture_default_str();
  command.add_option("--video-frames", sets.video_frames, "frames of a video at most; 0: all")
      ->capture_default_str();
  command.add_option("--seed", sets.data_set.seed, "seed of the choice")->capture_default_str();
}

}  // namespace

void add_evaluate_lock(Program& program) {
  const auto options = std::make_shared<Options>();
  auto& command = program.add("lock",
                              "How well packets lock onto pictures and videos, over the time they "
                              "are given: every solver on one table.",
                              [options] { return evaluate(*options); });
  add_model_option(command, options->model);
  add_refine_option(command, options->refine);
  add_set_options(command, options->sets);
  command
      .add_option("--solvers", options->solvers,
                  "closed-form, closed-form-NARROWEST, latent, iterative, iterative-STEPS, adam or "
                  "adam-RATExSTEPS, comma between them")
      ->delimiter(',')
      ->capture_default_str();
  auto& request = options->request;
  command.add_option("--budgets", request.budgets_ms, "milliseconds for one frame after a reset")
      ->delimiter(',')
      ->capture_default_str();
  command
      .add_option("--still-budgets", request.still_budgets_ms,
                  "milliseconds for each frame of a still scene")
      ->delimiter(',')
      ->capture_default_str();
  command.add_option("--still-frames", request.still_frames, "frames of a still scene")
      ->capture_default_str();
  command
      .add_option("--video-budgets", request.video_budgets_ms,
                  "milliseconds for each frame of a video")
      ->delimiter(',')
      ->capture_default_str();
  command
      .add_option("--example-budget", options->example_budget_ms,
                  "milliseconds for the pictures of examples.png")
      ->capture_default_str();
  command.add_option("--out", options->out, "folder for the results")->capture_default_str();
  add_overwrite_option(command, options->overwrite);
  command.add_option("--threads", options->threads, "CPU threads; 0: all cores")
      ->capture_default_str();
}

}  // namespace neurosplat::apps
