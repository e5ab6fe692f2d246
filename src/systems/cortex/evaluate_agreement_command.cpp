#include "neurosplat/systems/cortex/commands.h"

#include <cstdio>
#include <filesystem>
#include <memory>

#include "neurosplat/core/device.h"
#include "neurosplat/core/log.h"
#include "neurosplat/core/text.h"
#include "neurosplat/evaluation/published.h"
#include "neurosplat/program/experiment.h"
#include "neurosplat/systems/cortex/agreement_experiment.h"

namespace neurosplat::apps {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kSide = 256;
constexpr const char *kAgreementFigure = "saccade_agreement", *kNoveltyFigure = "saccade_novelty";

/// The two pictures and where they differ.
struct Scene {
  fs::path picture, world;
  Box box;
};

struct AgreementOptions {
  ExperimentOptions common;
  Scene scene;
  AgreementRequest request;
};

struct NoveltyOptions {
  ExperimentOptions common;
  Scene scene;
  NoveltyRequest request;
};

void add_scene_options(CLI::App& command, Scene& scene) {
  command.add_option("--picture", scene.picture,
                     "what was: a picture or .npy [H, W] in [0, 1]; default: the astronaut");
  command.add_option("--world", scene.world,
                     "what is; default: the reference's world, or --picture with the box turned");
  command.add_option("--top", scene.box.top, "first row of the change, pixels")
      ->capture_default_str();
  command.add_option("--bottom", scene.box.bottom, "row after the last")->capture_default_str();
  command.add_option("--left", scene.box.left, "first column")->capture_default_str();
  command.add_option("--right", scene.box.right, "column after the last")->capture_default_str();
}

std::vector<std::pair<std::string, fs::path>> inputs_of(const Scene& scene) {
  return {{"picture", scene.picture}, {"world", scene.world}};
}

/// Fills in the pictures; whether they are the reference's.
template <class Request>
bool read_scene(const ExperimentOptions& common, const Scene& scene, Request& request,
                nlohmann::ordered_json& settings) {
  const auto picture = input_path(common, scene.picture, "S0_astronaut256.npy");
  request.picture = read_grey(picture, kSide);
  request.box = scene.box;
  const bool as_published = scene.picture.empty() && scene.world.empty() && scene.box == Box{};
  auto world = scene.world;
  if (as_published) world = find_input(common, "S0_world256.npy");
  request.world =
      world.empty() ? with_turned_box(request.picture, scene.box) : read_grey(world, kSide);
  settings = {{"picture", picture.filename().string()},
              {"world", world.empty() ? "picture with the box turned" : world.filename().string()},
              {"top", scene.box.top},
              {"bottom", scene.box.bottom},
              {"left", scene.box.left},
              {"right", scene.box.right},
              {"fixations", request.fixations}};
  return as_published;
}

nlohmann::ordered_json pairs_of(const std::vector<Fixation>& fixations) {
  auto pairs = nlohmann::ordered_json::array();
  for (const auto& [row, column] : fixations) pairs.push_back({row, column});
  return pairs;
}

int evaluate_agreement(AgreementOptions options) {
  check_outputs(options.common, kAgreementFigure, inputs_of(options.scene));
  use_threads(options.common.threads);
  MetricsFile file{.experiment = "agreement"};
  auto& request = options.request;
  const bool scene_as_published = read_scene(options.common, options.scene, request, file.settings);
  const AgreementRequest defaults;
  const bool as_published = scene_as_published && request.fixations == defaults.fixations &&
                            request.decay == defaults.decay && request.fovea == defaults.fovea &&
                            request.gist_sigma == defaults.gist_sigma;
  file.settings["decay"] = request.decay;
  file.settings["fovea_px"] = request.fovea;
  file.settings["gist_sigma_px"] = request.gist_sigma;
  const auto result = run_agreement(request);
  file.results = {{"gist_psnr_db", result.gist_db},
                  {"held_percept_psnr_db", result.held_db},
                  {"stitch_psnr_db", result.stitch_db},
                  {"held_percept_gain_db", result.held_db - result.gist_db},
                  {"stitch_gain_db", result.stitch_db - result.gist_db},
                  {"window_gist_psnr_db", result.window_gist_db},
                  {"window_held_psnr_db", result.window_held_db},
                  {"window_gain_db", result.window_held_db - result.window_gist_db},
                  {"surprise_before", result.surprise_before},
                  {"surprise_after", result.surprise_after},
                  {"surprise_trace", result.surprise},
                  {"fixations", pairs_of(result.fixations)}};
  file.reference = reference_beside(
      file.results,
      {{"gist_psnr_db", 16.4225, 4},
       {"held_percept_psnr_db", 17.5052, 4},
       {"stitch_psnr_db", 19.0169, 4},
       {"held_percept_gain_db", 1.08, 2},
       {"stitch_gain_db", 2.59, 2},
       {"window_gist_psnr_db", 18.2831, 4},
       {"window_held_psnr_db", 20.2830, 4},
       {"window_gain_db", 2.00, 2},
       {"surprise_before", 0.4793, 4},
       {"surprise_after", 0.2746, 4}},
      {{"fixations",
        {{85, 166},
         {159, 237},
         {44, 233},
         {215, 90},
         {42, 62},
         {221, 179},
         {126, 85},
         {152, 168},
         {88, 221},
         {113, 18},
         {61, 108},
         {232, 237},
         {39, 177},
         {159, 237}}}},
      "saccade_agreement_demo: gains from its README, four digits and fixations from a run of it",
      reason_for_difference(as_published));
  std::printf(
      "held percept %+.2f dB, stitch %+.2f dB, windows %+.2f dB; surprise in the box %.3f "
      "-> %.3f\n",
      result.held_db - result.gist_db, result.stitch_db - result.gist_db,
      result.window_held_db - result.window_gist_db, result.surprise_before, result.surprise_after);
  write_experiment(options.common, file, kAgreementFigure, agreement_figure(request, result));
  return 0;
}

int evaluate_novelty(NoveltyOptions options) {
  check_outputs(options.common, kNoveltyFigure, inputs_of(options.scene));
  use_threads(options.common.threads);
  MetricsFile file{.experiment = "novelty"};
  auto& request = options.request;
  const bool scene_as_published = read_scene(options.common, options.scene, request, file.settings);
  const NoveltyRequest defaults;
  const bool as_published = scene_as_published && request.fixations == defaults.fixations &&
                            request.settled_sigma == defaults.settled_sigma;
  file.settings["settled_sigma_px"] = request.settled_sigma;
  const auto result = run_novelty(request);
  file.results = {{"enrichment_intensity", result.enrichment_intensity},
                  {"enrichment_phase", result.enrichment_phase},
                  {"fixations_in_box", result.fixations_in_box},
                  {"fixations", pairs_of(result.fixations)}};
  file.reference = reference_beside(
      file.results,
      {{"enrichment_intensity", 4.8234, 4},
       {"enrichment_phase", 7.7146, 4},
       {"fixations_in_box", 4, 0}},
      {{"fixations", {{45, 168}, {159, 237}, {87, 207}, {104, 161}, {48, 213}, {159, 237}}}},
      "saccade_agreement_demo: its README, four digits and fixations from a run of it",
      reason_for_difference(as_published));
  std::printf("surprise in the box: %.2fx by intensity, %.2fx by phase; %lld of %zu fixations\n",
              result.enrichment_intensity, result.enrichment_phase,
              static_cast<long long>(result.fixations_in_box), result.fixations.size());
  write_experiment(options.common, file, kNoveltyFigure, novelty_figure(request, result));
  return 0;
}

}  // namespace

void add_evaluate_agreement(Program& program) {
  const auto options = std::make_shared<AgreementOptions>();
  auto& command =
      program.add("agreement", "The agreement cortex on a changed picture: what fixations gain.",
                  [options] { return evaluate_agreement(*options); });
  add_experiment_options(command, options->common, "agreement");
  add_scene_options(command, options->scene);
  auto& request = options->request;
  command.add_option("--fixations", request.fixations, "fixations in all")->capture_default_str();
  command.add_option("--decay", request.decay, "of the agreement, each fixation, 0 to 1")
      ->capture_default_str();
  command.add_option("--fovea", request.fovea, "sigma of a fixation's window, pixels")
      ->capture_default_str();
  command.add_option("--gist-sigma", request.gist_sigma, "blur of the gist, pixels")
      ->capture_default_str();
}

void add_evaluate_novelty(Program& program) {
  const auto options = std::make_shared<NoveltyOptions>();
  auto& command =
      program.add("novelty", "Where surprise finds a changed box, by phase and by intensity.",
                  [options] { return evaluate_novelty(*options); });
  add_experiment_options(command, options->common, "novelty");
  add_scene_options(command, options->scene);
  auto& request = options->request;
  command.add_option("--fixations", request.fixations, "fixations in all")->capture_default_str();
  command.add_option("--settled-sigma", request.settled_sigma, "blur of the expectation, pixels")
      ->capture_default_str();
}

}  // namespace neurosplat::apps
