#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "neurosplat/core/device.h"
#include "neurosplat/core/progress.h"
#include "neurosplat/core/text.h"
#include "neurosplat/figure/drawing.h"
#include "neurosplat/io/outputs.h"
#include "neurosplat/systems/iterative_vae/commands.h"
#include "neurosplat/systems/iterative_vae/dictionary.h"
#include "neurosplat/systems/iterative_vae/noise_mapping.h"
#include "systems/iterative_vae/command_model.h"

namespace neurosplat::apps {
namespace {

const std::string kFigure = "sta";

struct Options {
  MeasuringOptions measuring;
  NoiseMapping mapping;
  std::int64_t seed = 0;
};

void check(const Options& options) {
  checked_seed(options.seed);
  Outputs outputs(options.measuring.common.overwrite);
  outputs.reads("model", options.measuring.model, kIterativeVaeFileNames);
  outputs.writes("out", options.measuring.common.out, {"metrics.json", kFigure + ".png"});
  outputs.check();
}

/// A neuron on a line: its column, the average at its peak, then at some lags on one scale.
std::vector<at::Tensor> line_of(const NoiseMap& map, std::int64_t place, const at::Tensor& columns,
                                std::int64_t zoom) {
  constexpr std::int64_t kLags = 8;
  const auto neuron = map.neurons[place].item<std::int64_t>();
  const auto average = map.average[place].to(at::kFloat);
  const auto peak = std::max<std::int64_t>(map.peak_lag[place].item<std::int64_t>(), 0);
  std::vector<at::Tensor> line = {
      with_label(signed_pictures(columns.select(1, neuron).unsqueeze(0), zoom)[0],
                 text("n ", neuron)),
      with_label(signed_pictures(average[peak].unsqueeze(0), zoom)[0], text("lag ", peak))};
  const auto largest = average.abs().max();
  const auto step = std::max<std::int64_t>(1, (average.size(0) + kLags - 1) / kLags);
  for (std::int64_t lag = 0; lag < average.size(0); lag += step) {
    // Beside the largest of all lags, which the picture does not show.
    const auto scaled = at::nan_to_num(0.5 + 0.5 * average[lag] / largest);
    const auto side = std::llround(std::sqrt(static_cast<double>(scaled.numel())));
    line.push_back(with_label(
        grey_picture(
            scaled.view({side, side}).repeat_interleave(zoom, 0).repeat_interleave(zoom, 1)),
        text("-", lag)));
  }
  return line;
}

at::Tensor figure_of(const NoiseMap& map, const at::Tensor& columns) {
  constexpr std::int64_t kShown = 12, kTile = 64;
  const auto side = std::llround(std::sqrt(static_cast<double>(columns.size(0))));
  const auto zoom = std::max<std::int64_t>(1, kTile / side);
  std::vector<std::vector<at::Tensor>> lines;
  for (std::int64_t place = 0; place < std::min(kShown, map.neurons.numel()); ++place) {
    lines.push_back(line_of(map, place, columns, zoom));
  }
  return sheet_of(lines);
}

double median_of(const at::Tensor& values) {
  const auto known = values.masked_select(values.isfinite());
  if (known.numel() == 0) return std::numeric_limits<double>::quiet_NaN();
  return at::quantile(known, 0.5).item<double>();
}

nlohmann::ordered_json rows_of(const NoiseMap& map) {
  auto rows = nlohmann::ordered_json::array();
  for (std::int64_t i = 0; i < map.neurons.numel(); ++i) {
    rows.push_back({{"neuron", map.neurons[i].item<std::int64_t>()},
                    {"spikes", map.spikes[i].item<double>()},
                    {"peak_lag_frames", map.peak_lag[i].item<std::int64_t>()},
                    {"correlation", map.correlation[i].item<double>()}});
  }
  return rows;
}

int evaluate(Options options) {
  check(options);
  auto& mapping = options.mapping;
  mapping.seed = checked_seed(options.seed);
  use_threads(options.measuring.common.threads);
  const auto stored = read_iterative_vae(options.measuring.model);
  ProgressLine progress("noise", "trials", mapping.trials + 1);
  const auto map =
      map_with_noise(stored.model, mapping, [&](std::int64_t trials) { progress.update(trials); });
  progress.clear();

  MetricsFile file{.experiment = "ivae-sta"};
  file.settings = {{"model", stored.file.filename().string()},
                   {"latents", stored.model.architecture().latents},
                   {"lags_frames", mapping.lags},
                   {"warm_up_frames", mapping.warm_up},
                   {"trials", mapping.trials},
                   {"batch", mapping.batch},
                   {"frames", mapping.frames},
                   {"neurons", map.neurons.numel()},
                   {"contrast", mapping.contrast},
                   {"seed", options.seed}};
  const auto silent = map.spikes.eq(0.0).sum().item<std::int64_t>();
  const auto lags = map.peak_lag.masked_select(map.peak_lag.ge(0)).to(at::kDouble);
  file.results = {{"median_correlation", median_of(map.correlation)},
                  {"median_peak_lag_frames", median_of(lags)},
                  {"spikes", map.spikes.sum().item<double>()},
                  {"silent_neurons", silent},
                  {"rows", rows_of(map)}};
  write_experiment(options.measuring.common, file, kFigure,
                   figure_of(map, dictionary_of(stored.model)));
  std::printf(
      "%lld neurons, %.0f spikes: the average at its peak correlates %.3f with the column "
      "(median), at lag %.0f\n",
      static_cast<long long>(map.neurons.numel()), map.spikes.sum().item<double>(),
      median_of(map.correlation), median_of(lags));
  return 0;
}

}  // namespace

void add_evaluate_ivae_sta(Program& program) {
  const auto options = std::make_shared<Options>();
  auto& command = program.add(
      "ivae-sta", "White noise before the spikes of an iterative Poisson VAE, averaged.",
      [options] { return evaluate(*options); });
  add_measuring_options(command, options->measuring, "ivae-sta", "metrics.json and sta.png");
  auto& mapping = options->mapping;
  command.add_option("--lags", mapping.lags, "frames before a spike")->capture_default_str();
  command
      .add_option("--trials", mapping.trials,
                  "each from the prior; one more chooses the neurons. The published run has 100")
      ->capture_default_str();
  command.add_option("--warm-up", mapping.warm_up, "frames of a trial whose spikes do not count")
      ->capture_default_str();
  command
      .add_option("--batch", mapping.batch, "sequences of a trial; the published run has 10,000")
      ->capture_default_str();
  command.add_option("--frames", mapping.frames, "of a trial")->capture_default_str();
  command.add_option("--neurons", mapping.neurons, "the most active ones; 0: all")
      ->capture_default_str();
  command.add_option("--contrast", mapping.contrast, "standard deviation of the noise")
      ->capture_default_str();
  command.add_option("--seed", options->seed, "of noise and spikes")->capture_default_str();
}

}  // namespace neurosplat::apps
