#include <ATen/ATen.h>

#include <cstdio>
#include <memory>
#include <set>

#include "neurosplat/core/device.h"
#include "neurosplat/core/progress.h"
#include "neurosplat/core/text.h"
#include "neurosplat/evaluation/published.h"
#include "neurosplat/figure/chart.h"
#include "neurosplat/systems/iterative_vae/commands.h"
#include "neurosplat/systems/iterative_vae/inference_scores.h"
#include "neurosplat/systems/iterative_vae/published_curves.h"
#include "systems/iterative_vae/measured_models.h"

namespace neurosplat::apps {
namespace {

constexpr const char *kName = "ivae-convergence", *kFigure = "ivae_convergence",
                     *kCurves = "curves.csv", *kPublished = "S2_convergence.csv";
constexpr std::int64_t kTrainedSteps = 16;

/// Figure 3 of the paper in numbers, and where its curves converge.
struct PublishedConvergence {
  const char* kind;
  double r2_t16, r2_t1000, zeros_t1000;
  std::int64_t converged_1e5, converged_1e4;
};
constexpr PublishedConvergence kFigure3[] = {{"iP", 0.7076, 0.8299, 0.7732, 106, 44},
                                             {"iG-relu", 0.7705, 0.8195, 0.5761, 79, 33},
                                             {"iG", 0.8503, 0.8742, 0.0, 53, 30}};

struct MeasuredCurves {
  MeasuredModel model;
  InferenceCurves curves;

  std::optional<std::int64_t> converged(double tolerance) const {
    return convergence_step(curves.r2, {.tolerance = tolerance});
  }
};

std::vector<MeasuredCurves> measure(const MeasurementOptions& options,
                                    const std::vector<MeasuredModel>& models,
                                    const at::Tensor& patches) {
  std::vector<MeasuredCurves> measured;
  for (const auto& model : models) {
    auto run = run_of(options, model);
    ProgressLine progress(model.label, "steps", run.steps_in_all(patches.size(0)));
    run.stepped = [&](std::int64_t done) { progress.update(done); };
    measured.push_back({model, inference_curves(model.stored.model, patches, run)});
  }
  return measured;
}

/// The numbers of one model, each key after `prefix`.
void add_results(nlohmann::ordered_json& results, const std::string& prefix,
                 const MeasuredCurves& measured) {
  const auto& curves = measured.curves;
  const auto steps = curves.r2.size();
  if (steps >= kTrainedSteps) results[prefix + "r2_t16"] = curves.r2[kTrainedSteps - 1];
  results[text(prefix, "r2_t", steps)] = curves.r2.back();
  results[text(prefix, "pooled_r2_t", steps)] = curves.pooled_r2.back();
  results[text(prefix, "zeros_t", steps)] = curves.zeros.back();
  results[text(prefix, "du_norm_t", steps)] = curves.du_norm.back();
  results[prefix + "converged_step_1e5"] = or_null(measured.converged(1e-5));
  results[prefix + "converged_step_1e4"] = or_null(measured.converged(1e-4));
}

void add_published(std::vector<Published>& figures, const nlohmann::ordered_json& results,
                   const std::string& prefix, const std::string& kind) {
  const auto add = [&](const std::string& name, double value, int decimals) {
    if (results.contains(prefix + name)) figures.push_back({prefix + name, value, decimals});
  };
  for (const auto& published : kFigure3) {
    if (kind != published.kind) continue;
    add("r2_t16", published.r2_t16, 4);
    add("r2_t1000", published.r2_t1000, 4);
    add("zeros_t1000", published.zeros_t1000, 4);
    add("converged_step_1e5", static_cast<double>(published.converged_1e5), 0);
    add("converged_step_1e4", static_cast<double>(published.converged_1e4), 0);
  }
}

nlohmann::ordered_json rows_of(const std::vector<MeasuredCurves>& measured) {
  auto rows = nlohmann::ordered_json::array();
  for (const auto& one : measured) {
    const auto& curves = one.curves;
    for (std::size_t i = 0; i < curves.r2.size(); ++i) {
      rows.push_back({{"model", one.model.label},
                      {"step", i + 1},
                      {"r2", curves.r2[i]},
                      {"zeros", curves.zeros[i]},
                      {"du_norm", curves.du_norm[i]}});
    }
  }
  return rows;
}

MetricsFile metrics_of(const MeasurementOptions& options, const MeasuredPatches& patches,
                       const std::vector<MeasuredModel>& models,
                       const std::vector<MeasuredCurves>& measured) {
  MetricsFile file{.experiment = kName, .settings = settings_of(options, models, patches)};
  file.results = {{"patches", patches.patches.size(0)}, {"constant_patches", patches.constant}};
  std::vector<Published> figures;
  const auto add = [&](const std::string& prefix, const MeasuredCurves& one) {
    add_results(file.results, prefix, one);
    add_published(figures, file.results, prefix, one.model.kind);
  };
  for (const auto& one : measured) add(one.model.key + "_", one);
  if (measured.size() == 1) add("", measured.front());
  if (!figures.empty()) {
    file.reference = reference_beside(
        file.results, figures, nlohmann::ordered_json::object(),
        "figure 3 of the paper: iP at beta 24, iG and iG-relu at 8, 25,791 patches",
        "measured on other pictures than the published figure, whose patches are not to be had");
  }
  file.results["rows"] = rows_of(measured);
  return file;
}

std::string csv_of(const std::vector<MeasuredCurves>& measured) {
  std::string csv = "model,step,r2,zeros,du_norm\n";
  for (const auto& one : measured) {
    const auto& curves = one.curves;
    for (std::size_t i = 0; i < curves.r2.size(); ++i) {
      csv += text(one.model.label, ",", i + 1, ",", fixed(curves.r2[i], 6), ",",
                  fixed(curves.zeros[i], 6), ",", fixed(curves.du_norm[i], 6), "\n");
    }
  }
  return csv;
}

ChartLine line_of(const std::string& name, const Colour& colour, const std::vector<double>& step,
                  const std::vector<double>& values) {
  ChartLine line{name, colour, {}, ChartMarks::line};
  for (std::size_t i = 0; i < values.size(); ++i) {
    line.points.push_back({step[i], values[i], step[i]});
  }
  return line;
}

/// What all panels share: for each model its curve, the published one of its kind below.
struct Panel {
  const char *title, *name;
  std::vector<double> InferenceCurves::*ours;
  std::vector<double> PublishedCurve::*published;
};

at::Tensor draw_panel(const Panel& panel, const std::vector<MeasuredCurves>& measured,
                      const std::vector<PublishedCurve>& published) {
  Chart chart{.title = panel.title, .x_name = "step", .y_name = panel.name, .log_x = true};
  std::set<std::string> kinds;
  for (const auto& one : measured) {
    const auto steps = static_cast<double>(one.curves.r2.size());
    for (const auto& curve : published) {
      if (curve.model != one.model.kind || !kinds.insert(curve.model).second) continue;
      auto line = line_of(curve.model + ", published", pale(line_colour(one.model.colour)),
                          curve.step, curve.*panel.published);
      std::erase_if(line.points, [&](const ChartPoint& point) { return point.x > steps; });
      chart.lines.push_back(std::move(line));
    }
  }
  for (const auto& one : measured) {
    const auto& values = one.curves.*panel.ours;
    std::vector<double> steps(values.size());
    for (std::size_t i = 0; i < steps.size(); ++i) steps[i] = static_cast<double>(i + 1);
    chart.lines.push_back(line_of(one.model.label, line_colour(one.model.colour), steps, values));
  }
  return draw_chart(chart, 320, 760);
}

at::Tensor figure_of(const std::vector<MeasuredCurves>& measured,
                     const std::vector<PublishedCurve>& published) {
  const Panel panels[] = {
      {"Explained by a sample", "R2", &InferenceCurves::r2, &PublishedCurve::r2},
      {"Exactly zero", "share of the activity", &InferenceCurves::zeros, &PublishedCurve::zeros},
      {"Change of a step", "|u - u before|", &InferenceCurves::du_norm, &PublishedCurve::du_norm}};
  std::vector<at::Tensor> drawn;
  for (const auto& panel : panels) drawn.push_back(draw_panel(panel, measured, published));
  return at::cat(drawn, 1);
}

void print_table(const std::vector<MeasuredCurves>& measured, std::int64_t patches) {
  const auto steps = measured.front().curves.r2.size();
  std::printf("%lld validation patches, %zu steps\n", static_cast<long long>(patches), steps);
  std::printf("%-12s %9s %9s %9s %9s %12s\n", "model", "R2 at 16", "R2", "zeros", "|du|",
              "converged");
  for (const auto& one : measured) {
    const auto& curves = one.curves;
    const auto trained = steps >= kTrainedSteps ? fixed(curves.r2[kTrainedSteps - 1], 4) : "-";
    const auto converged = one.converged(1e-5);
    std::printf("%-12s %9s %9.4f %9.4f %9.4f %12s\n", one.model.label.c_str(), trained.c_str(),
                curves.r2.back(), curves.zeros.back(), curves.du_norm.back(),
                converged ? text(*converged).c_str() : "-");
  }
}

int evaluate(const MeasurementOptions& options) {
  check_measurement(options, {"metrics.json", text(kFigure, ".png"), kCurves});
  use_threads(options.common.threads);
  std::vector<PublishedCurve> published;
  if (const auto found = find_input(options.common, kPublished); !found.empty()) {
    published = read_published_curves(found);
  }
  const auto models = load_measured_models(options);
  const auto patches = open_measured_patches(options, models, "natural");
  const auto measured = measure(options, models, patches.patches);
  print_table(measured, patches.patches.size(0));
  return write_measurement(options, metrics_of(options, patches, models, measured), kFigure,
                           figure_of(measured, published), kCurves, csv_of(measured));
}

}  // namespace

void add_evaluate_ivae_convergence(Program& program) {
  const auto options = std::make_shared<MeasurementOptions>();
  auto& command =
      program.add(kName,
                  "What iterative VAEs explain of validation patches, and how sparsely, "
                  "step by step (figure 3).",
                  [options] { return evaluate(*options); });
  add_measurement_options(command, *options, kName);
}

}  // namespace neurosplat::apps
