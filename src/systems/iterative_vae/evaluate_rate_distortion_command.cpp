// Not ATen.h: with it the program would show lists of numbers among defaults as c10 streams them.
#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>

#include "neurosplat/core/device.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/progress.h"
#include "neurosplat/core/text.h"
#include "neurosplat/evaluation/metrics_key.h"
#include "neurosplat/evaluation/published.h"
#include "neurosplat/figure/chart.h"
#include "neurosplat/systems/iterative_vae/commands.h"
#include "neurosplat/systems/iterative_vae/inference_scores.h"
#include "neurosplat/systems/iterative_vae/lca.h"
#include "neurosplat/systems/iterative_vae/lca_measurement.h"
#include "neurosplat/systems/iterative_vae/published_curves.h"
#include "systems/iterative_vae/measured_models.h"

namespace neurosplat::apps {
namespace {

constexpr const char *kName = "ivae-rate-distortion", *kFigure = "ivae_rate_distortion",
                     *kPublished = "S2_ratedist.csv";

struct Options {
  MeasurementOptions measurement;
  bool no_lca = false;
  std::vector<double> lambdas = {0.1, 0.3, 0.5, 1.0, 2.0};
  LcaMeasurement lca;
};

/// A point of the figure: a model, or LCA at one lambda.
struct Row {
  std::string kind, file;
  std::optional<double> t_train, beta;  ///< of LCA lambda stands for beta
  double zeros = 0, r2 = 0, mean_r2 = 0;

  double distance() const { return distance_to_ideal(r2, zeros); }
};

void check(const Options& options) {
  check_measurement(options.measurement, {"metrics.json", text(kFigure, ".png")});
  if (options.no_lca) return;
  const bool positive = std::all_of(options.lambdas.begin(), options.lambdas.end(),
                                    [](double lambda) { return lambda > 0; });
  if (options.lambdas.empty() || !positive) {
    throw UsageError("lca-lambdas: expected at least one, all above 0: give others, or --no-lca");
  }
  if (options.lca.epochs < 1 || options.lca.patches < 1 || options.lca.columns < 1) {
    throw UsageError("lca-epochs, lca-patches and lca-columns: expected at least 1, or --no-lca");
  }
}

std::vector<Row> measure_models(const Options& options, const std::vector<MeasuredModel>& models,
                                const at::Tensor& patches) {
  std::vector<Row> rows;
  for (const auto& model : models) {
    auto run = run_of(options.measurement, model);
    ProgressLine progress(model.label, "steps", run.steps_in_all(patches.size(0)));
    run.stepped = [&](std::int64_t done) { progress.update(done); };
    const auto end = inference_end(model.stored.model, patches, run);
    rows.push_back({model.kind, model.file(), model.number("t_train"), model.number("beta"),
                    end.zeros, end.r2, end.mean_r2});
  }
  return rows;
}

std::vector<Row> lca_rows(const Options& options, const MeasuredPatches& patches) {
  const auto& lca = options.lca;
  const auto seed = static_cast<std::uint64_t>(options.measurement.seed);
  const auto& train = patches.set.train;
  auto chosen = train.index_select(0, drawn_patches(train.size(0), lca.patches, seed));
  at::Tensor dictionary;
  {
    ProgressLine progress("LCA dictionary", "epochs", lca.epochs);
    dictionary = learn_lca_dictionary(chosen, lca.learning(chosen.size(0)), seed,
                                      [&](const LcaProgress& ended) {
                                        progress.update(ended.epoch + 1);
                                        return true;
                                      });
  }
  std::vector<Row> rows;
  ProgressLine progress("LCA", "lambdas", static_cast<std::int64_t>(options.lambdas.size()));
  for (const double lambda : options.lambdas) {
    const auto scores =
        measure_lca(dictionary, patches.patches, {.lambda = lambda}, options.measurement.block);
    rows.push_back({"LCA", "", std::nullopt, lambda, scores.zeros, scores.r2, scores.r2});
    progress.update(static_cast<std::int64_t>(rows.size()));
  }
  return rows;
}

nlohmann::ordered_json json_of(const Row& row, std::int64_t steps) {
  return {{"model", row.kind},
          {"file", row.file},
          {"steps",
           row.kind == "LCA" ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(steps)},
          {"t_train", or_null(row.t_train)},
          {"beta", or_null(row.beta)},
          {"zeros", row.zeros},
          {"r2", row.r2},
          {"mean_r2", row.mean_r2},
          {"distance", row.distance()}};
}

/// The published point of the same model, trained alike; none is null.
const PublishedPoint* published_beside(const Row& row, const std::vector<PublishedPoint>& points) {
  const auto near = [](double a, double b) { return std::abs(a - b) < 1e-9 * (1.0 + std::abs(b)); };
  const auto found = std::find_if(points.begin(), points.end(), [&](const PublishedPoint& point) {
    if (point.model != row.kind || !row.beta || !near(*row.beta, point.beta)) return false;
    return row.kind == "LCA" ||
           (row.t_train && near(*row.t_train, static_cast<double>(point.steps)));
  });
  return found == points.end() ? nullptr : &*found;
}

nlohmann::ordered_json published_rows(const std::vector<Row>& rows,
                                      const std::vector<PublishedPoint>& points) {
  auto published = nlohmann::ordered_json::array();
  for (const auto& row : rows) {
    const auto* point = published_beside(row, points);
    if (point == nullptr) continue;
    published.push_back({{"model", row.kind},
                         {"t_train", or_null(row.t_train)},
                         {"beta", point->beta},
                         {"zeros", point->zeros},
                         {"r2", point->r2},
                         {"mean_r2", point->mean_r2},
                         {"distance", distance_to_ideal(point->r2, point->zeros)}});
  }
  return published;
}

/// KIND_best_distance of every kind, in the order of the rows.
void add_best(nlohmann::ordered_json& results, const std::vector<Row>& rows) {
  for (const auto& row : rows) {
    const auto key = metrics_key(row.kind) + "_best_distance";
    const double before =
        results.contains(key) ? results[key].get<double>() : std::numeric_limits<double>::max();
    results[key] = std::min(before, row.distance());
  }
}

MetricsFile metrics_of(const Options& options, const MeasuredPatches& patches,
                       const std::vector<MeasuredModel>& models, const std::vector<Row>& rows,
                       const std::vector<PublishedPoint>& points) {
  MetricsFile file{.experiment = kName,
                   .settings = settings_of(options.measurement, models, patches)};
  if (!options.no_lca) {
    file.settings["lca_lambdas"] = options.lambdas;
    file.settings["lca_epochs"] = options.lca.epochs;
    file.settings["lca_patches"] = std::min(options.lca.patches, patches.set.train.size(0));
    file.settings["lca_columns"] = options.lca.columns;
  }
  file.results = {{"patches", patches.patches.size(0)}, {"constant_patches", patches.constant}};
  add_best(file.results, rows);
  auto json = nlohmann::ordered_json::array();
  for (const auto& row : rows) json.push_back(json_of(row, options.measurement.steps));
  file.results["rows"] = std::move(json);
  std::vector<Published> figures;
  for (const Published& best :
       {Published{"ip_best_distance", 0.284, 3}, Published{"lca_best_distance", 0.282, 3}}) {
    if (file.results.contains(best.key)) figures.push_back(best);
  }
  auto lists = nlohmann::ordered_json::object();
  if (auto beside = published_rows(rows, points); !beside.empty())
    lists["rows"] = std::move(beside);
  if (figures.empty() && lists.empty()) return file;
  file.reference = reference_beside(
      file.results, figures, lists, "figure 4 of the paper: 25,791 patches after 1000 steps",
      "measured on other pictures than the published figure, whose patches are not to be had");
  return file;
}

at::Tensor figure_of(const std::vector<Row>& rows, const std::vector<PublishedPoint>& points) {
  Chart chart{.title = "Rate and distortion: towards the upper right corner is better",
              .x_name = "share of the activity that is exactly zero",
              .y_name = "R2"};
  std::vector<std::string> kinds;
  for (const auto& row : rows) {
    if (std::find(kinds.begin(), kinds.end(), row.kind) == kinds.end()) kinds.push_back(row.kind);
  }
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    ChartLine line{kinds[i] + ", published", pale(line_colour(i)), {}, ChartMarks::dots};
    for (const auto& point : points) {
      if (point.model == kinds[i]) line.points.push_back({point.zeros, point.r2, point.zeros});
    }
    if (!line.points.empty()) chart.lines.push_back(std::move(line));
  }
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    ChartLine line{kinds[i], line_colour(i), {}, ChartMarks::dots};
    for (const auto& row : rows) {
      if (row.kind == kinds[i]) line.points.push_back({row.zeros, row.r2, row.zeros});
    }
    chart.lines.push_back(std::move(line));
  }
  return draw_chart(chart, 520, 820);
}

void print_table(const std::vector<Row>& rows, std::int64_t patches) {
  std::printf("%lld validation patches\n", static_cast<long long>(patches));
  std::printf("%-12s %8s %8s %8s %8s %8s %9s\n", "model", "trained", "beta", "zeros", "R2",
              "R2 mean", "distance");
  const auto shown = [](const std::optional<double>& number) {
    return number ? text(*number) : std::string("-");
  };
  for (const auto& row : rows) {
    std::printf("%-12s %8s %8s %8.4f %8.4f %8.4f %9.4f\n", row.kind.c_str(),
                shown(row.t_train).c_str(), shown(row.beta).c_str(), row.zeros, row.r2, row.mean_r2,
                row.distance());
  }
}

int evaluate(const Options& options) {
  check(options);
  use_threads(options.measurement.common.threads);
  std::vector<PublishedPoint> points;
  if (const auto found = find_input(options.measurement.common, kPublished); !found.empty()) {
    points = read_published_points(found);
  }
  const auto models = load_measured_models(options.measurement);
  const auto patches = open_measured_patches(options.measurement, models, "natural");
  auto rows = measure_models(options, models, patches.patches);
  if (!options.no_lca) {
    for (auto& row : lca_rows(options, patches)) rows.push_back(std::move(row));
  }
  print_table(rows, patches.patches.size(0));
  return write_measurement(options.measurement, metrics_of(options, patches, models, rows, points),
                           kFigure, figure_of(rows, points));
}

}  // namespace

void add_evaluate_ivae_rate_distortion(Program& program) {
  const auto options = std::make_shared<Options>();
  auto& command = program.add(kName,
                              "What iterative VAEs explain of validation patches against how "
                              "sparsely, beside sparse coding by LCA (figure 4).",
                              [options] { return evaluate(*options); });
  add_measurement_options(command, options->measurement, kName);
  command.add_flag("--no-lca", options->no_lca, "leave LCA out");
  command.add_option("--lca-lambdas", options->lambdas, "thresholds to code with")
      ->delimiter(',')
      ->capture_default_str();
  command
      .add_option("--lca-epochs", options->lca.epochs, "epochs that its dictionary is learned in")
      ->capture_default_str();
  command
      .add_option("--lca-patches", options->lca.patches,
                  "training patches for that at most, drawn by --seed")
      ->capture_default_str();
  command.add_option("--lca-columns", options->lca.columns, "columns of its dictionary")
      ->capture_default_str();
}

}  // namespace neurosplat::apps
