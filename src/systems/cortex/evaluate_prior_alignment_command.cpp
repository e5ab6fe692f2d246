#include "neurosplat/systems/cortex/commands.h"

#include <cstdio>
#include <filesystem>
#include <memory>

#include "neurosplat/core/device.h"
#include "neurosplat/core/text.h"
#include "neurosplat/evaluation/published.h"
#include "neurosplat/program/experiment.h"
#include "neurosplat/systems/cortex/prior_alignment.h"

namespace neurosplat::apps {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFigure = "prior_alignment";

constexpr std::int64_t kSide = 256;

struct Options {
  ExperimentOptions common;
  fs::path picture, other;
  PriorAlignmentRequest request;
};

int evaluate(const Options& options) {
  check_outputs(options.common, kFigure, {{"picture", options.picture}, {"other", options.other}});
  use_threads(options.common.threads);
  auto request = options.request;
  const auto picture = input_path(options.common, options.picture, "S0_astronaut256.npy");
  const auto other = input_path(options.common, options.other, "S0_cameraman256.npy");
  request.frame = read_grey(picture, kSide);
  request.other = read_grey(other, kSide);
  const auto scores = run_prior_alignment(request);
  MetricsFile file{.experiment = "prior-alignment"};
  file.settings = {{"picture", picture.filename().string()},
                   {"other", other.filename().string()},
                   {"shift_rows_px", request.shift_rows},
                   {"shift_columns_px", request.shift_columns},
                   {"sigma_px", request.sigma},
                   {"fixations", request.fixations},
                   {"decay", request.decay},
                   {"fovea_px", request.fovea}};
  for (const auto& score : scores) {
    file.results["gain_" + score.name] = score.gain;
    file.results[score.name + "_prior_db"] = score.prior_db;
    file.results[score.name + "_percept_db"] = score.percept_db;
    std::printf("%-7s prior: mean gain %.3f, %.2f -> %.2f dB\n", score.name.c_str(), score.gain,
                score.prior_db, score.percept_db);
  }
  const PriorAlignmentRequest defaults;
  const bool as_published = options.picture.empty() && options.other.empty() &&
                            request.shift_rows == defaults.shift_rows &&
                            request.shift_columns == defaults.shift_columns &&
                            request.sigma == defaults.sigma &&
                            request.fixations == defaults.fixations &&
                            request.decay == defaults.decay && request.fovea == defaults.fovea;
  file.reference =
      reference_beside(file.results,
                       {{"gain_aligned", 0.673, 3},
                        {"aligned_prior_db", 18.03, 2},
                        {"aligned_percept_db", 18.31, 2},
                        {"gain_shifted", 0.586, 3},
                        {"shifted_prior_db", 11.32, 2},
                        {"shifted_percept_db", 11.49, 2},
                        {"gain_other", 0.555, 3},
                        {"other_prior_db", 8.57, 2},
                        {"other_percept_db", 8.77, 2}},
                       nlohmann::ordered_json::object(), "prior_alignment_probe: a run of it",
                       reason_for_difference(as_published));
  write_experiment(options.common, file, kFigure, prior_alignment_figure(scores));
  return 0;
}

}  // namespace

void add_evaluate_prior_alignment(Program& program) {
  const auto options = std::make_shared<Options>();
  auto& command =
      program.add("prior-alignment",
                  "What the agreement gate lets in when the prior fits, and when it does not.",
                  [options] { return evaluate(*options); });
  add_experiment_options(command, options->common, "prior-alignment");
  command.add_option("--picture", options->picture,
                     "a picture or .npy [H, W] in [0, 1]; default: the astronaut");
  command.add_option("--other", options->other,
                     "another picture of its size; default: the cameraman");
  auto& request = options->request;
  command.add_option("--shift-rows", request.shift_rows, "of the shifted prior, pixels down")
      ->capture_default_str();
  command.add_option("--shift-columns", request.shift_columns, "pixels to the right")
      ->capture_default_str();
  command.add_option("--sigma", request.sigma, "blur of the priors, pixels")->capture_default_str();
  command.add_option("--fixations", request.fixations, "fixations in all")->capture_default_str();
  command.add_option("--decay", request.decay, "of the agreement, each fixation, 0 to 1")
      ->capture_default_str();
  command.add_option("--fovea", request.fovea, "sigma of a fixation's window, pixels")
      ->capture_default_str();
}

}  // namespace neurosplat::apps
