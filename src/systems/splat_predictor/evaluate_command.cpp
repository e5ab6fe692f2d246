#include "neurosplat/systems/splat_predictor/commands.h"

#include <ATen/ATen.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "neurosplat/core/device.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/evaluation/published.h"
#include "neurosplat/io/frame_source.h"
#include "neurosplat/io/image_file.h"
#include "neurosplat/metrics/picture_quality.h"
#include "neurosplat/program/experiment.h"
#include "neurosplat/systems/splat_predictor/koopman_probe.h"

namespace neurosplat::apps {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFigure = "koopman_predict";

struct Options {
  ExperimentOptions common;
  std::string frames;
  std::int64_t size = 64, limit = 60;
  KoopmanRequest request;
};

/// Frames of a video or a folder as grey squares, double [T, S, S].
at::Tensor read_stream(const Options& options) {
  if (options.size < 1 || options.size > 1024 || options.limit < 4 || options.limit > 100000) {
    throw UsageError("image-size: expected 1 to 1024; frames-limit: expected 4 to 100000");
  }
  const auto source = open_frame_source(options.frames);
  std::vector<at::Tensor> frames;
  while (static_cast<std::int64_t>(frames.size()) < options.limit) {
    const auto frame = source->next();
    if (!frame) break;
    frames.push_back(grey_square(frame->picture, options.size));
  }
  if (frames.empty()) throw Error(text("expected frames in ", options.frames, ", found none"));
  return at::stack(frames);
}

/// The original's figures under its keys, and the same of a basis that saw no test frame under
/// keys that begin with fitted_basis_.
nlohmann::ordered_json results_of(const KoopmanResult& result) {
  const auto& original = result.all_frames;
  const auto& honest = result.fitted_frames;
  return {{"free_db", original.free_db},
          {"persistence_db", result.persistence_db},
          {"latent_persistence_db", original.latent_persistence_db},
          {"static_mean_db", original.static_mean_db},
          {"best_anchor", original.best_anchor},
          {"best_anchored_db", original.best_anchored_db},
          {"temporal_mass_top_tenth", result.temporal_mass},
          {"static_mass_top_tenth", result.static_mass},
          {"anchor", result.anchor},
          {"anchored_db", original.anchored_db},
          {"fitted_basis_free_db", honest.free_db},
          {"fitted_basis_latent_persistence_db", honest.latent_persistence_db},
          {"fitted_basis_static_mean_db", honest.static_mean_db},
          {"fitted_basis_best_anchor", honest.best_anchor},
          {"fitted_basis_best_anchored_db", honest.best_anchored_db},
          {"fitted_basis_anchored_db", honest.anchored_db}};
}

nlohmann::ordered_json settings_of(const KoopmanRequest& request, const KoopmanResult& result,
                                   const fs::path& frames) {
  return {{"frames", frames.filename().string()},
          {"frame_count", request.frames.size(0)},
          {"components", request.components},
          {"fitted_frames", request.fitted},
          {"shown_frame", request.shown},
          {"basis", "components and mean of all frames, tested ones too, as the original has it"},
          {"fitted_basis", "components and mean of the fitted frames: no tested frame was seen"},
          {"fitted_basis_components", result.fitted_components},
          {"largest_psnr_db", kLargestPsnrDb}};
}

void print_summary(const KoopmanResult& result) {
  const auto line = [](const char* basis, const KoopmanScores& scores) {
    std::printf(
        "  basis of %-17s free K %.2f dB, decode(z) %.2f dB, mean frame %.2f dB, best a %.2f with "
        "%.2f dB\n",
        basis, scores.free_db, scores.latent_persistence_db, scores.static_mean_db,
        scores.best_anchor, scores.best_anchored_db);
  };
  std::printf("next frame: copy %.2f dB\n", result.persistence_db);
  line("all frames:", result.all_frames);
  line("fitted frames:", result.fitted_frames);
}

int evaluate(const Options& options) {
  check_outputs(options.common, kFigure, {{"frames", options.frames}});
  use_threads(options.common.threads);
  auto request = options.request;
  const bool stream = !options.frames.empty() && fs::path(options.frames).extension() != ".npy";
  const auto path = stream ? fs::path(options.frames)
                           : input_path(options.common, options.frames, "S0_koopman_frames.npy");
  request.frames = stream ? read_stream(options) : read_numbers(path, 3);
  const auto result = run_koopman_probe(request);
  MetricsFile file{.experiment = "koopman"};
  file.settings = settings_of(request, result, path);
  file.results = results_of(result);
  const KoopmanRequest defaults;
  const bool as_published = options.frames.empty() && request.components == defaults.components &&
                            request.fitted == defaults.fitted && request.shown == defaults.shown;
  file.reference = reference_beside(
      file.results,
      {{"free_db", 8.60494, 5},
       {"persistence_db", 22.45243, 5},
       {"latent_persistence_db", 23.08841, 5},
       {"static_mean_db", 15.72719, 5},
       {"best_anchor", 0.0, 2},
       {"best_anchored_db", 23.09, 2},
       {"temporal_mass_top_tenth", 0.389, 3},
       {"static_mass_top_tenth", 0.290, 3}},
      nlohmann::ordered_json::object(),
      "koopman_predict_probe: a run of it on the same frames; the masses are those at frame 43",
      reason_for_difference(as_published));
  print_summary(result);
  write_experiment(options.common, file, kFigure, koopman_figure(result));
  return 0;
}

}  // namespace

void add_evaluate_koopman(Program& program) {
  const auto options = std::make_shared<Options>();
  auto& command = program.add(
      "koopman",
      "Whether a linear operator foresees the next frame better than none. The principal "
      "components are those of all frames, tested ones too, as in the original; beside "
      "it stands the same with those of the fitted frames alone (fitted_basis_*).",
      [options] { return evaluate(*options); });
  add_experiment_options(command, options->common, "koopman");
  command.add_option("--frames", options->frames,
                     ".npy [T, H, W] in [0, 1], a video or a folder of pictures; default: the "
                     "reference's frames");
  command.add_option("--image-size", options->size, "pixels a side of a video's grey frames")
      ->capture_default_str();
  command.add_option("--frames-limit", options->limit, "frames of a video to take at most")
      ->capture_default_str();
  auto& request = options->request;
  command.add_option("--components", request.components, "principal components")
      ->capture_default_str();
  command
      .add_option("--fitted", request.fitted, "first frames, that K is fitted to; the rest test it")
      ->capture_default_str();
  command.add_option("--shown", request.shown, "frame of the figure and of the surprise masses")
      ->capture_default_str();
}

}  // namespace neurosplat::apps
