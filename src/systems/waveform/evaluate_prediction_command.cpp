#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "neurosplat/core/device.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/data/picture_loader.h"
#include "neurosplat/figure/chart.h"
#include "neurosplat/program/experiment.h"
#include "neurosplat/recordings/encoding_model.h"
#include "neurosplat/recordings/folds.h"
#include "neurosplat/recordings/response_scores.h"
#include "neurosplat/recordings/v1_session.h"
#include "neurosplat/systems/waveform/commands.h"
#include "neurosplat/systems/waveform/model_file.h"

namespace neurosplat::apps {
namespace {

namespace fs = std::filesystem;

const std::string kFigure = "prediction";
constexpr std::int64_t kSide = 64, kBatch = 64;

struct Options {
  ExperimentOptions common;
  fs::path model, data;
  std::string session = "all";
  std::int64_t seed = 0;
};

at::Tensor latents_of(const WaveformAutoencoder& model, const at::Tensor& pictures) {
  std::vector<at::Tensor> latents;
  for (const auto& part : pictures.split(kBatch)) {
    latents.push_back(model.encode(to_unit_range(part, at::kCPU)).latent);
  }
  return at::cat(latents);
}

/// What models foretell of one session's units.
struct ForetoldSession {
  std::string session;
  Foretold foretold;
};

std::vector<EncodingFeatures> models_of(const Options& options, const V1Session& session) {
  auto models = baseline_encodings(session.pictures);
  if (options.model.empty()) return models;
  const auto stored = load_waveform_autoencoder(options.model);
  if (stored.model.architecture().image_size != kSide) {
    throw Error(text(stored.file.string(), ": expected a model of pictures of ", kSide,
                     " pixels, got ", stored.model.architecture().image_size));
  }
  models.push_back({"latent", latents_of(stored.model, session.pictures)});
  return models;
}

std::vector<ForetoldSession> foretell_session(const Options& options, const std::string& name) {
  const auto session = read_v1_session(options.data, name, kSide);
  const auto responses = mean_responses(session.counts);
  const auto movies = session.movie.max().item<std::int64_t>() + 1;
  const auto fold =
      at::tensor(folds_of(movies, static_cast<std::uint64_t>(options.seed)), at::kLong)
          .index_select(0, session.movie);
  std::vector<ForetoldSession> all;
  for (const auto& model : models_of(options, session)) {
    all.push_back({name, foretell_scored(model, responses, session.movie, fold)});
  }
  return all;
}

nlohmann::ordered_json row_of(const ForetoldSession& each) {
  const auto& scores = each.foretold.scores;
  return {{"session", each.session},
          {"model", each.foretold.model},
          {"units", scores.correlation.numel()},
          {"units_with_signal", scores.power.gt(0).sum().item<std::int64_t>()},
          {"correlation_median", median_of_finite(scores.correlation)},
          {"correlation_mean", scores.correlation.mean().item<double>()},
          {"explained_variance_median", median_of_finite(scores.explained)},
          {"normalised_explained_variance_median", median_of_finite(scores.normalised)}};
}

/// Units' correlations in falling order, of all sessions, a line a model.
at::Tensor figure_of(const std::vector<ForetoldSession>& all) {
  std::vector<std::string> names;
  std::map<std::string, std::vector<at::Tensor>> by_model;
  for (const auto& each : all) {
    if (!by_model.contains(each.foretold.model)) names.push_back(each.foretold.model);
    by_model[each.foretold.model].push_back(each.foretold.scores.correlation);
  }
  Chart chart{.title = "units of V1: foretold and mean responses to pictures of movies never seen",
              .x_name = "units, best first",
              .y_name = "correlation"};
  for (const auto& name : names) {
    const auto sorted = std::get<0>(at::cat(by_model[name]).sort(0, /*descending=*/true));
    ChartLine line{name, line_colour(chart.lines.size()), {}, ChartMarks::line};
    for (std::int64_t i = 0; i < sorted.numel(); ++i) {
      const auto x = static_cast<double>(i + 1);
      line.points.push_back({x, sorted[i].item<double>(), x});
    }
    chart.lines.push_back(std::move(line));
  }
  return draw_chart(chart, 420, 900);
}

int evaluate(const Options& options) {
  if (options.seed < 0) throw UsageError("seed: expected at least 0");
  if (options.data.empty())
    throw UsageError("data: expected the folder of the recordings, got none");
  check_outputs(options.common, kFigure, {{"model", options.model}, {"data", options.data}});
  use_threads(options.common.threads);
  const at::NoGradGuard no_gradient;
  const auto names = options.session == "all" ? v1_sessions(options.data)
                                              : std::vector<std::string>{options.session};
  std::vector<ForetoldSession> all;
  auto rows = nlohmann::ordered_json::array();
  std::printf("%-10s %-8s %6s %12s %12s %12s\n", "session", "model", "units", "correlation",
              "explained", "normalised");
  for (const auto& name : names) {
    for (auto& each : foretell_session(options, name)) {
      rows.push_back(row_of(each));
      std::printf("%-10s %-8s %6lld %12.3f %12.3f %12.3f\n", name.c_str(),
                  each.foretold.model.c_str(),
                  static_cast<long long>(each.foretold.scores.correlation.numel()),
                  median_of_finite(each.foretold.scores.correlation),
                  median_of_finite(each.foretold.scores.explained),
                  median_of_finite(each.foretold.scores.normalised));
      all.push_back(std::move(each));
    }
  }
  MetricsFile file{.experiment = "waveform-prediction"};
  file.settings = {{"sessions", names.size()}, {"seed", options.seed}, {"image_size_px", kSide}};
  file.results["rows"] = std::move(rows);
  write_experiment(options.common, file, kFigure, figure_of(all));
  return 0;
}

}  // namespace

void add_evaluate_waveform_prediction(Program& program) {
  const auto options = std::make_shared<Options>();
  auto& command = program.add("waveform-prediction",
                              "How well responses of V1 to pictures of movies never seen are "
                              "foretold: from the mean, by an "
                              "LN model, from Gabor energies, from a model's latents.",
                              [options] { return evaluate(*options); });
  add_experiment_options(command, options->common, "waveform-prediction");
  command.add_option("--data,--data-dir", options->data,
                     "folder of the macaque V1 recordings (responses/, psth/, stimuli/)");
  command.add_option("--session", options->session, "one of the recordings, or all")
      ->capture_default_str();
  command.add_option("--model", options->model,
                     "waveform autoencoder whose latents foretell too: run folder or file");
  command.add_option("--seed", options->seed, "of which movies are in which fold")
      ->capture_default_str();
}

}  // namespace neurosplat::apps
