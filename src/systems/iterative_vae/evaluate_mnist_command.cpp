#include <ATen/ATen.h>

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
#include "neurosplat/figure/picture_grid.h"
#include "neurosplat/systems/iterative_vae/commands.h"
#include "neurosplat/systems/iterative_vae/linear_readout.h"
#include "systems/iterative_vae/measured_models.h"

namespace neurosplat::apps {
namespace {

constexpr const char *kName = "ivae-mnist", *kFigure = "ivae_mnist";
constexpr std::int64_t kDigits = 10, kShown = 12;

struct Options {
  MeasurementOptions measurement;
  std::int64_t readout_digits = 8000;
  double penalty = LinearReadoutSettings{}.penalty;
};

struct Row {
  MeasuredModel model;
  double r2, mse_per_pixel, zeros, accuracy;
  at::Tensor shown;  ///< [kShown at most, pixels]: reconstructions of the first digits
};

/// Table 2 of the paper.
struct PublishedRow {
  const char* kind;
  double r2, mse_per_pixel, zeros, accuracy;
};
constexpr PublishedRow kTable2[] = {{"iP", 0.951, 0.00439, 0.844, 0.9646},
                                    {"iG", 0.9136, 0.00763, 0.0, 0.9273},
                                    {"iG-relu", 0.905, 0.00845, 0.784, 0.957}};

/// One of the measures: its key, where it stands, how many decimals are published of each kind.
struct Measure {
  const char* name;
  double Row::*ours;
  double PublishedRow::*published;
  int decimals;
};
constexpr Measure kMeasures[] = {
    {"r2", &Row::r2, &PublishedRow::r2, 3},
    {"mse_per_pixel", &Row::mse_per_pixel, &PublishedRow::mse_per_pixel, 5},
    {"zeros", &Row::zeros, &PublishedRow::zeros, 3},
    {"accuracy", &Row::accuracy, &PublishedRow::accuracy, 4}};

void check(const Options& options) {
  check_measurement(options.measurement, {"metrics.json", text(kFigure, ".png")});
  if (options.readout_digits < 1 || !(options.penalty > 0)) {
    throw UsageError("readout-digits: expected at least 1; penalty: above 0");
  }
}

/// Digits that the readout is fitted to.
struct ReadoutDigits {
  at::Tensor patches, labels;
};

ReadoutDigits readout_digits(const Options& options, const MeasuredPatches& measured) {
  const auto& set = measured.set;
  if (!set.train_labels.defined() || !measured.labels.defined()) {
    throw UsageError(text("dataset: expected digits with labels, got ", measured.request.dataset,
                          " without: give mnist, with its labels beside the pictures"));
  }
  const auto seed = static_cast<std::uint64_t>(options.measurement.seed);
  auto rows = drawn_patches(set.train.size(0), options.readout_digits, seed);
  rows = rows.masked_select(has_contrast(set.train.index_select(0, rows)));
  if (rows.numel() == 0) throw Error("expected digits to fit the readout to, all are constant");
  return {set.train.index_select(0, rows), set.train_labels.index_select(0, rows)};
}

Row measure(const Options& options, const MeasuredModel& model, const MeasuredPatches& measured,
            const ReadoutDigits& readout) {
  auto run = run_of(options.measurement, model);
  const auto validation = run.steps_in_all(measured.patches.size(0));
  ProgressLine progress(model.label, "steps",
                        validation + run.steps_in_all(readout.patches.size(0)));
  run.stepped = [&](std::int64_t done) { progress.update(done); };
  const auto end = inference_end(model.stored.model, measured.patches, run);
  run.stepped = [&](std::int64_t done) { progress.update(validation + done); };
  ++run.seed;  // other noise than that of the digits it is tested on
  const auto rates = inference_end(model.stored.model, readout.patches, run).rates;
  const auto fitted =
      fit_linear_readout(rates, readout.labels, kDigits, {.penalty = options.penalty});
  const auto pixels = static_cast<double>(measured.patches.size(1));
  return {model,
          end.r2,
          end.squared_error / pixels,
          end.zeros,
          accuracy(fitted, end.rates, measured.labels),
          end.reconstructions.slice(0, 0, kShown).clone()};
}

std::vector<std::string> kinds_of(const std::vector<Row>& rows) {
  std::vector<std::string> kinds;
  for (const auto& row : rows) {
    if (std::find(kinds.begin(), kinds.end(), row.model.kind) == kinds.end()) {
      kinds.push_back(row.model.kind);
    }
  }
  return kinds;
}

/// Mean, and standard deviation as of a sample; nothing of the latter for one number.
struct Spread {
  double mean = 0;
  std::optional<double> deviation;
};

Spread spread_of(const std::vector<Row>& rows, const std::string& kind, double Row::*measure) {
  std::vector<double> values;
  for (const auto& row : rows) {
    if (row.model.kind == kind) values.push_back(row.*measure);
  }
  const auto count = static_cast<double>(values.size());
  Spread spread;
  for (const double value : values) spread.mean += value / count;
  if (values.size() < 2) return spread;
  double squares = 0;
  for (const double value : values) squares += (value - spread.mean) * (value - spread.mean);
  spread.deviation = std::sqrt(squares / (count - 1.0));
  return spread;
}

std::vector<Published> add_kinds(nlohmann::ordered_json& results, const std::vector<Row>& rows) {
  std::vector<Published> figures;
  for (const auto& kind : kinds_of(rows)) {
    const auto prefix = metrics_key(kind) + "_";
    results[prefix + "models"] = std::count_if(
        rows.begin(), rows.end(), [&](const Row& row) { return row.model.kind == kind; });
    for (const auto& measure : kMeasures) {
      const auto spread = spread_of(rows, kind, measure.ours);
      results[prefix + measure.name] = spread.mean;
      results[prefix + measure.name + "_deviation"] = or_null(spread.deviation);
      for (const auto& published : kTable2) {
        if (kind != published.kind) continue;
        figures.push_back({prefix + measure.name, published.*measure.published, measure.decimals});
      }
    }
  }
  return figures;
}

MetricsFile metrics_of(const Options& options, const MeasuredPatches& patches,
                       const std::vector<MeasuredModel>& models, const std::vector<Row>& rows,
                       std::int64_t readout) {
  MetricsFile file{.experiment = kName,
                   .settings = settings_of(options.measurement, models, patches)};
  file.settings["readout_digits"] = options.readout_digits;
  file.settings["penalty"] = options.penalty;
  file.results = {{"digits", patches.patches.size(0)},
                  {"constant_digits", patches.constant},
                  {"readout_digits", readout}};
  const auto figures = add_kinds(file.results, rows);
  auto json = nlohmann::ordered_json::array();
  for (const auto& row : rows) {
    json.push_back({{"model", row.model.kind},
                    {"file", row.model.file()},
                    {"r2", row.r2},
                    {"mse_per_pixel", row.mse_per_pixel},
                    {"zeros", row.zeros},
                    {"accuracy", row.accuracy}});
  }
  file.results["rows"] = std::move(json);
  if (figures.empty()) return file;
  file.reference = reference_beside(
      file.results, figures, nlohmann::ordered_json::object(),
      "table 2 of the paper: means of 5 seeds, 60,000 digits to train on, 1000 steps",
      text("trained and read out on ", patches.set.train.size(0),
           " digits or fewer instead of 60,000, and tested on ", patches.patches.size(0),
           " others"));
  return file;
}

/// Digits, and below them what each model shows of them.
at::Tensor figure_of(const MeasuredPatches& patches, const std::vector<Row>& rows) {
  const auto side = patches.set.side;
  const auto drawn = [&](const at::Tensor& digits) {
    return digits.to(at::kFloat)
        .clamp(0.0, 1.0)
        .view({-1, 1, side, side})
        .expand({-1, 3, -1, -1})
        .repeat_interleave(2, 2)
        .repeat_interleave(2, 3);
  };
  std::vector<at::Tensor> sheet = {drawn(patches.patches.slice(0, 0, kShown))};
  const auto columns = sheet.front().size(0);
  for (const auto& row : rows) sheet.push_back(drawn(row.shown));
  return picture_grid(at::cat(sheet), columns);
}

void print_table(const std::vector<Row>& rows) {
  std::printf("%-12s %8s %10s %8s %9s\n", "model", "R2", "MSE/pixel", "zeros", "accuracy");
  for (const auto& row : rows) {
    std::printf("%-12s %8.4f %10.5f %8.4f %9.4f\n", row.model.label.c_str(), row.r2,
                row.mse_per_pixel, row.zeros, row.accuracy);
  }
  for (const auto& kind : kinds_of(rows)) {
    const auto shown = spread_of(rows, kind, &Row::accuracy);
    if (!shown.deviation) continue;
    std::printf("%s: accuracy %.4f +- %.4f, R2 %.4f\n", kind.c_str(), shown.mean, *shown.deviation,
                spread_of(rows, kind, &Row::r2).mean);
  }
}

int evaluate(const Options& options) {
  check(options);
  use_threads(options.measurement.common.threads);
  const auto models = load_measured_models(options.measurement);
  const auto patches = open_measured_patches(options.measurement, models, "mnist");
  const auto readout = readout_digits(options, patches);
  std::vector<Row> rows;
  for (const auto& model : models) rows.push_back(measure(options, model, patches, readout));
  print_table(rows);
  return write_measurement(options.measurement,
                           metrics_of(options, patches, models, rows, readout.patches.size(0)),
                           kFigure, figure_of(patches, rows));
}

}  // namespace

void add_evaluate_ivae_mnist(Program& program) {
  const auto options = std::make_shared<Options>();
  options->measurement.count = 0;
  auto& command = program.add(kName,
                              "What iterative VAEs explain of digits, how sparsely, and how well "
                              "digits are told apart by their rates (table 2).",
                              [options] { return evaluate(*options); });
  add_measurement_options(command, options->measurement, kName);
  command
      .add_option("--readout-digits", options->readout_digits,
                  "training digits at most that the logistic regression is fitted to")
      ->capture_default_str();
  command
      .add_option("--penalty", options->penalty,
                  "of its half squared weights beside the summed cross-entropy")
      ->capture_default_str();
}

}  // namespace neurosplat::apps
