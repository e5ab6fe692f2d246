#include "neurosplat/systems/cortex/commands.h"

#include <ATen/ATen.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>

#include "neurosplat/core/device.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/evaluation/published.h"
#include "neurosplat/program/experiment.h"
#include "neurosplat/systems/cortex/saccade_demo.h"

namespace neurosplat::apps {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFigure = "saccade_demo";

constexpr std::int64_t kSide = 84, kGistPackets = 70, kSaccades = 10, kPackets = 26;

struct Options {
  ExperimentOptions common;
  fs::path picture, draws, gist_draws;
  std::optional<std::int64_t> seed;
  SaccadeDemoRequest request;
};

/// A row of numbers as rows of equal parts.
at::Tensor parts_of(const fs::path& path, const at::Tensor& numbers, std::int64_t parts) {
  const auto last = numbers.size(-1);
  if (last % parts != 0) {
    throw Error(
        text(path.string(), ": expected ", parts, " equal parts in a row, got ", last, " numbers"));
  }
  return numbers.unflatten(-1, {parts, last / parts}).contiguous();
}

void read_draws(const Options& options, SaccadeDemoRequest& request) {
  if (options.seed) {
    const auto seed = static_cast<std::uint64_t>(*options.seed);
    request.gist_draws = random_gist_draws(kGistPackets, seed);
    request.draws = random_saccade_draws(kSaccades, kPackets, seed + 1);
    return;
  }
  const auto gist = input_path(options.common, options.gist_draws, "S0_saccade_gist_draws.npy");
  request.gist_draws = parts_of(gist, read_numbers(gist, 1), 3);
  const auto draws = input_path(options.common, options.draws, "S0_saccade_draws.npy");
  request.draws = parts_of(draws, read_numbers(draws, 2), 6);
}

int evaluate(const Options& options) {
  if (options.seed && *options.seed < 0) throw UsageError("seed: expected 0 or more");
  check_outputs(
      options.common, kFigure,
      {{"picture", options.picture}, {"draws", options.draws}, {"gist-draws", options.gist_draws}});
  use_threads(options.common.threads);
  auto request = options.request;
  const auto picture = input_path(options.common, options.picture, "S0_hopper84.npy");
  request.picture = read_grey(picture, kSide);
  read_draws(options, request);
  const auto result = run_saccade_demo(request);
  MetricsFile file{.experiment = "saccade"};
  file.settings = {{"picture", picture.filename().string()},
                   {"saccades", request.draws.size(0)},
                   {"packets_per_saccade", request.draws.size(2)},
                   {"gist_packets", request.gist_draws.size(1)},
                   {"seed", nullptr}};
  if (options.seed) file.settings["seed"] = *options.seed;
  auto fixations = nlohmann::ordered_json::array();
  for (const auto& [row, column] : result.fixations) fixations.push_back({row, column});
  file.results = {{"fovea_weighted_before_db", result.fovea_before_db},
                  {"fovea_weighted_after_db", result.fovea_after_db},
                  {"fovea_weighted_gain_db", result.fovea_after_db - result.fovea_before_db},
                  {"periphery_before_db", result.periphery_before_db},
                  {"periphery_after_db", result.periphery_after_db},
                  {"whole_before_db", result.whole_before_db},
                  {"whole_after_db", result.whole_after_db},
                  {"fixations", fixations}};
  const bool as_published = options.picture.empty() && options.draws.empty() &&
                            options.gist_draws.empty() && !options.seed;
  file.reference =
      reference_beside(file.results,
                       {{"fovea_weighted_before_db", 14.3042, 4},
                        {"fovea_weighted_after_db", 15.9076, 4},
                        {"fovea_weighted_gain_db", 1.6, 1},
                        {"periphery_before_db", 16.8698, 4},
                        {"periphery_after_db", 17.1382, 4},
                        {"whole_before_db", 14.5665, 4},
                        {"whole_after_db", 16.0507, 4}},
                       {{"fixations",
                         {{58, 37},
                          {7, 36},
                          {24, 2},
                          {55, 83},
                          {52, 7},
                          {83, 83},
                          {74, 0},
                          {48, 55},
                          {11, 55},
                          {83, 40}}}},
                       "saccade_demo: the gain from its README, the rest from a run of it",
                       reason_for_difference(as_published));
  std::printf("fovea-weighted %.2f -> %.2f dB, periphery %.2f -> %.2f dB, whole %.2f -> %.2f dB\n",
              result.fovea_before_db, result.fovea_after_db, result.periphery_before_db,
              result.periphery_after_db, result.whole_before_db, result.whole_after_db);
  write_experiment(options.common, file, kFigure, saccade_figure(request, result));
  return 0;
}

}  // namespace

void add_evaluate_saccade(Program& program) {
  const auto options = std::make_shared<Options>();
  auto& command =
      program.add("saccade", "A coarse gist, then small packets fitted where the eye looks.",
                  [options] { return evaluate(*options); });
  add_experiment_options(command, options->common, "saccade");
  command.add_option("--picture", options->picture,
                     "a picture or .npy [S, S] in [0, 1]; default: the reference's portrait");
  auto* draws = command.add_option("--draws", options->draws,
                                   ".npy [saccades, 6 P]: angle, u of the radius, orientation, "
                                   "place of the frequency, a, b of P packets");
  auto* gist = command.add_option("--gist-draws", options->gist_draws,
                                  ".npy [3 G]: orientation, a, b of the gist's packets");
  command.add_option("--seed", options->seed, "draw them anew instead, from this seed")
      ->excludes(draws)
      ->excludes(gist);
  auto& request = options->request;
  command.add_option("--gist-steps", request.gist_steps, "Adam steps of the gist")
      ->capture_default_str();
  command.add_option("--steps", request.steps, "Adam steps of a saccade")->capture_default_str();
  command.add_option("--lr", request.rate, "step size of a saccade")->capture_default_str();
  command.add_option("--fovea", request.fovea, "sigma of the fovea, share of the picture's side")
      ->capture_default_str();
}

}  // namespace neurosplat::apps
