#include <ATen/ATen.h>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <numbers>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "neurosplat/core/device.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/progress.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/atomic_file.h"
#include "neurosplat/io/outputs.h"
#include "neurosplat/io/wav_file.h"
#include "neurosplat/systems/iterative_vae/bar_figures.h"
#include "neurosplat/systems/iterative_vae/commands.h"
#include "neurosplat/systems/iterative_vae/dictionary.h"
#include "neurosplat/systems/iterative_vae/spike_sound.h"
#include "systems/iterative_vae/command_model.h"

namespace neurosplat::apps {
namespace {

namespace fs = std::filesystem;

constexpr double kFramesPerSecond = 12.0;
/// Spikes of a frame that sound, as many as spike_sound() takes: a model that runs away has more.
constexpr std::int64_t kMostHeard = 1000;
const std::string kFigure = "bars", kMovie = "bars.mp4", kSound = "spikes.wav",
                  kTrace = "trace.csv";

struct Options {
  MeasuringOptions measuring;
  BarExperiment experiment;
  std::int64_t seed = 42, movie_frames = 71;
  std::optional<std::int64_t> neuron;
  std::string movie;
  bool no_movie = false;
};

void check(const Options& options) {
  checked_seed(options.seed);
  if (options.movie_frames < 1) {
    throw UsageError(text("movie-frames: expected at least 1, got ", options.movie_frames));
  }
  const auto& common = options.measuring.common;
  std::vector<std::string> names = {"metrics.json", kFigure + ".png", kSound, kTrace};
  Outputs outputs(common.overwrite);
  outputs.reads("model", options.measuring.model, kIterativeVaeFileNames);
  if (options.movie.empty() && !options.no_movie) names.push_back(kMovie);
  outputs.writes("out", common.out, names);
  if (!options.movie.empty() && is_video_sink(options.movie)) {
    outputs.writes("movie", options.movie);
  } else if (!options.movie.empty()) {
    outputs.writes("movie", options.movie, {kFrameFiles});
  }
  outputs.check();
}

double mean_of_finite(const std::vector<double>& values, std::int64_t from) {
  double sum = 0;
  std::int64_t count = 0;
  for (auto i = static_cast<std::size_t>(from); i < values.size(); ++i) {
    if (!std::isfinite(values[i])) continue;
    sum += values[i];
    ++count;
  }
  return sum / static_cast<double>(count);
}

void describe_neuron(nlohmann::ordered_json& results, const Tuning& tuning,
                     const ShownNeuron& shown, const GaborFit& fit, double resting) {
  const auto of = [&](const at::Tensor& values) { return values[shown.neuron].item<double>(); };
  results["neuron"] = shown.neuron;
  results["peak_rate_spikes_per_frame"] = of(tuning.peak);
  results["resting_rate_spikes_per_frame"] = resting;
  results["preferred_direction_deg"] = of(tuning.preferred_direction);
  results["preferred_orientation_deg"] = of(tuning.preferred_orientation);
  results["orientation_selectivity"] = of(tuning.orientation_selectivity);
  results["direction_selectivity"] = of(tuning.direction_selectivity);
  results["half_width_deg"] = of(tuning.half_width);
  results["column_gabor_r2"] = fit.r2;
  // The fit's is at right angles to its stripes, the bar's along it.
  const double stripes = std::fmod(fit.gabor.orientation * 180.0 / std::numbers::pi + 90.0, 180.0);
  results["column_stripes_deg"] = stripes;
  results["peak_frame"] = shown.peak_frame();
}

void write_trace(const fs::path& path, const ShownNeuron& shown, const BarResponses& responses) {
  std::ostringstream table;
  table << "frame,rate,spikes,r2,mse\n";
  const auto rates = shown.trace.rates.select(1, shown.preferred()).contiguous();
  const auto spikes = shown.trace.spikes.select(1, shown.preferred()).contiguous();
  for (std::int64_t frame = 0; frame < rates.numel(); ++frame) {
    const auto place = static_cast<std::size_t>(frame);
    table << frame << ',' << rates.const_data_ptr<float>()[frame] << ','
          << spikes.const_data_ptr<std::int64_t>()[frame] << ',';
    if (std::isfinite(responses.r2[place])) table << responses.r2[place];
    table << ',' << responses.mse[place] << '\n';
  }
  write_file_atomically(path, table.str());
}

void write_films(const Options& options, const ShownNeuron& shown) {
  const auto window = window_around_peak(shown, options.movie_frames);
  const fs::path out = options.measuring.common.out;
  const SpikeSoundSettings sound;
  const auto heard = shown.trace.spikes.select(1, shown.preferred())
                         .narrow(0, window.first, window.count)
                         .clamp_max(kMostHeard);
  write_wav(out / kSound, spike_sound(heard, shown.experiment.seed, sound), sound.rate);
  if (options.no_movie) return;
  const fs::path movie = options.movie.empty() ? out / kMovie : fs::path(options.movie);
  if (!is_video_sink(movie)) remove_series(movie, kFrameFiles);
  write_bar_movie(shown, window, *open_frame_sink(movie, kFramesPerSecond));
}

int evaluate(Options options) {
  check(options);
  auto& experiment = options.experiment;
  experiment.seed = checked_seed(options.seed);
  use_threads(options.measuring.common.threads);
  const auto stored = read_iterative_vae(options.measuring.model);
  const auto columns = dictionary_of(stored.model);
  ProgressLine progress("bars", "frames", 2 * experiment.frames());
  const auto responses =
      run_bars(stored.model, experiment, [&](std::int64_t frames) { progress.update(frames); });
  const auto tuning = tuning_of(responses.peak_rate);
  const auto fits = fit_gabors(columns);
  const auto neuron = options.neuron ? *options.neuron : choose_neuron(tuning, fits);
  const auto trace = trace_of_neuron(stored.model, experiment, neuron, [&](std::int64_t frames) {
    progress.update(experiment.frames() + frames);
  });
  progress.clear();
  const ShownNeuron shown{neuron, experiment, columns.select(1, neuron).contiguous(),
                          responses.peak_rate.select(1, neuron), trace};

  MetricsFile file{.experiment = "ivae-bars"};
  file.settings = {{"model", stored.file.filename().string()},
                   {"latents", stored.model.architecture().latents},
                   {"directions", experiment.directions},
                   {"blank_frames", experiment.blank_frames},
                   {"moving_frames", experiment.moving_frames},
                   {"bar_width_share", experiment.width_share},
                   {"neuron_chosen_by", options.neuron ? "option" : "criterion"},
                   {"seed", options.seed}};
  describe_neuron(file.results, tuning, shown, fits[static_cast<std::size_t>(neuron)],
                  responses.resting_rate[neuron].item<double>());
  const auto summary = summary_of(tuning);
  file.results["share_silent"] = summary.share_silent;
  file.results["median_peak_rate_spikes_per_frame"] = summary.peak_rate;
  file.results["median_orientation_selectivity"] = summary.orientation_selectivity;
  file.results["median_direction_selectivity"] = summary.direction_selectivity;
  file.results["median_half_width_deg"] = summary.half_width;
  file.results["moving_r2"] = mean_of_finite(responses.r2, experiment.blank_frames);
  file.results["moving_mse"] = mean_of_finite(responses.mse, experiment.blank_frames);
  file.results["spikes_while_bars_move"] = responses.spikes.sum().item<double>();
  write_experiment(options.measuring.common, file, kFigure, bar_figure(shown));
  write_trace(fs::path(options.measuring.common.out) / kTrace, shown, responses);
  write_films(options, shown);
  std::printf(
      "neuron %lld: peak %.2f spikes/frame at %.0f deg, orientation selectivity %.3f, direction "
      "selectivity %.3f; medians %.3f and %.3f, %.1f%% silent\n",
      static_cast<long long>(neuron), tuning.peak[neuron].item<double>(),
      tuning.preferred_direction[neuron].item<double>(),
      tuning.orientation_selectivity[neuron].item<double>(),
      tuning.direction_selectivity[neuron].item<double>(), summary.orientation_selectivity,
      summary.direction_selectivity, 100.0 * summary.share_silent);
  return 0;
}

}  // namespace

void add_evaluate_ivae_bars(Program& program) {
  const auto options = std::make_shared<Options>();
  auto& command = program.add(
      "ivae-bars", "Bars that drift over an iterative Poisson VAE: what its neurons answer.",
      [options] { return evaluate(*options); });
  add_measuring_options(command, options->measuring, "ivae-bars",
                        "metrics.json, bars.png, trace.csv, spikes.wav and bars.mp4");
  auto& experiment = options->experiment;
  command
      .add_option("--angles", experiment.directions, "directions of bars, evenly around the circle")
      ->capture_default_str();
  command.add_option("--blank-frames", experiment.blank_frames, "before the bars come")
      ->capture_default_str();
  command.add_option("--moving-frames", experiment.moving_frames, "of a bar's way over the patch")
      ->capture_default_str();
  command.add_option("--width", experiment.width_share, "of a bar, share of the patch's side")
      ->capture_default_str();
  command.add_option("--seed", options->seed, "of spikes and sound")->capture_default_str();
  command.add_option("--neuron", options->neuron,
                     "to show; default: the most active and selective one whose column is like a "
                     "Gabor");
  auto* movie = command.add_option("--movie", options->movie,
                                   "NAME.mp4, or a folder for PNG files; default: bars.mp4 in "
                                   "--out");
  command.add_flag("--no-movie", options->no_movie, "write no movie")->excludes(movie);
  command
      .add_option("--movie-frames", options->movie_frames,
                  "frames around the peak, of movie and sound")
      ->capture_default_str();
}

}  // namespace neurosplat::apps
