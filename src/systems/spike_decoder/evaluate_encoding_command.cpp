#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cstdio>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "neurosplat/core/device.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/figure/chart.h"
#include "neurosplat/metrics/identification.h"
#include "neurosplat/program/experiment.h"
#include "neurosplat/recordings/encoding_model.h"
#include "neurosplat/systems/spike_decoder/commands.h"
#include "neurosplat/systems/spike_decoder/held_out_decoding.h"
#include "systems/spike_decoder/decoding_scores.h"
#include "systems/spike_decoder/session_options.h"

namespace neurosplat::apps {
namespace {

using Json = nlohmann::ordered_json;

const std::string kFigure = "encoding";
constexpr std::int64_t kShuffles = 1000, kResamples = 1000;

struct Options {
  ExperimentOptions common;
  SessionOptions session;
  std::int64_t seed = 0;
};

/// Whose pictures are told apart, and how they are held out.
struct Identified {
  const PictureResponses& recorded;
  const HeldOut& held_out;
  std::uint64_t seed;
};

/// Rows of the units of `area`; of all with an empty name.
at::Tensor units_of(const PictureResponses& recorded, const std::string& area) {
  std::vector<std::int64_t> units;
  for (std::size_t unit = 0; unit < recorded.areas.size(); ++unit) {
    if (area.empty() || recorded.areas[unit] == area) {
      units.push_back(static_cast<std::int64_t>(unit));
    }
  }
  return at::tensor(units, at::kLong);
}

/// The best that any model could: a unit's mean over repeats correlates with its expected response
/// by the root of the signal's share of the means' variance.
double ceiling_of(const ResponseScores& scores, const MeanResponses& responses,
                  const at::Tensor& units) {
  const auto variance = responses.mean.var(0, /*unbiased=*/false).index_select(0, units);
  const auto power = scores.power.index_select(0, units).clamp_min(0);
  return median_of_finite((power / variance).clamp_max(1).sqrt());
}

/// Measured and foretold responses of some units in deviations of the training pictures' responses;
/// measured ones less their mean, foretold ones less what is foretold of the fold on average, which
/// tells no picture from another.
struct Alike {
  at::Tensor measured, foretold;

  Alike(const at::Tensor& mean, const at::Tensor& predicted, const HeldOut& held_out) {
    const auto of_fold = [&](const at::Tensor& table, bool own_mean) {
      return for_each_fold(held_out, [&](const at::Tensor& train, const at::Tensor& test) {
        const auto known = mean.index_select(0, train);
        const auto rows = table.index_select(0, test);
        const auto centre = own_mean ? rows.mean(0) : known.mean(0);
        return (rows - centre) / known.std(0).clamp_min(1e-9);
      });
    };
    measured = of_fold(mean, /*own_mean=*/false);
    foretold = of_fold(predicted, /*own_mean=*/true);
  }
};

/// Which picture of its fold was seen, by which foretold responses are most alike to the measured
/// ones (Kay and others 2008).
void put_identification(Json& row, const Foretold& foretold, const MeanResponses& responses,
                        const at::Tensor& units, const Identified& asked) {
  if (units.numel() < 2 || foretold.model == "mean") return;
  const Alike tables(responses.mean.index_select(1, units),
                     foretold.responses.index_select(1, units), asked.held_out);
  const auto alike = correlations(tables.measured, tables.foretold);
  const auto put = [&](const std::string& key, const at::Tensor& values) {
    put_interval(row, key, bootstrap(values, asked.recorded.group, kResamples, asked.seed));
  };
  const auto candidates = candidates_within(asked.held_out.fold);
  put("two_way_responses", two_way(alike, candidates));
  put("identification_top1", identified(alike, candidates));
  row["chance"] = chance_of(candidates);
  const auto& recorded = asked.recorded;
  if (recorded.scene.defined()) {
    const auto frames = candidates_within(recorded.scene);
    put("frame_top1", identified(alike, frames));
    row["frame_chance"] = chance_of(frames);
  }
  // Scenes change places within folds, of which movies there are too few.
  row["permutation_p"] =
      group_permutation_p(alike, recorded.scene.defined() ? recorded.scene : recorded.group,
                          asked.held_out.fold, kShuffles, asked.seed);
}

Json rows_of(const MeanResponses& responses, const std::vector<Foretold>& all,
             const Identified& asked) {
  const auto& recorded = asked.recorded;
  auto rows = Json::array();
  std::set<std::string> areas(recorded.areas.begin(), recorded.areas.end());
  if (areas.size() > 1) areas.insert("");
  for (const auto& area : areas) {
    const auto units = units_of(recorded, area);
    for (const auto& each : all) {
      const auto& scores = each.scores;
      const auto own = [&](const at::Tensor& values) {
        return median_of_finite(values.index_select(0, units));
      };
      rows.push_back({{"area", area.empty() ? "all" : area},
                      {"model", each.model},
                      {"units", units.numel()},
                      {"units_with_signal",
                       scores.power.index_select(0, units).gt(0).sum().item<std::int64_t>()},
                      {"correlation_median", own(scores.correlation)},
                      {"correlation_ceiling_median", ceiling_of(scores, responses, units)},
                      {"explained_variance_median", own(scores.explained)},
                      {"normalised_explained_variance_median", own(scores.normalised)}});
      put_identification(rows.back(), each, responses, units, asked);
    }
  }
  return rows;
}

void print(const Json& rows) {
  std::printf("%-10s %-8s %6s %12s %9s %10s %12s %8s %8s %8s %8s\n", "area", "model", "units",
              "correlation", "ceiling", "explained", "normalised", "two-way", "top 1", "frame",
              "p");
  for (const auto& row : rows) {
    const auto number = [&](const char* key) {
      return row.contains(key) ? fixed(row.at(key).get<double>(), 3) : std::string("-");
    };
    std::printf("%-10s %-8s %6lld %12s %9s %10s %12s %8s %8s %8s %8s\n",
                row.at("area").get<std::string>().c_str(),
                row.at("model").get<std::string>().c_str(),
                static_cast<long long>(row.at("units").get<std::int64_t>()),
                number("correlation_median").c_str(), number("correlation_ceiling_median").c_str(),
                number("explained_variance_median").c_str(),
                number("normalised_explained_variance_median").c_str(),
                number("two_way_responses").c_str(), number("identification_top1").c_str(),
                number("frame_top1").c_str(), number("permutation_p").c_str());
  }
}

at::Tensor figure_of(const std::vector<Foretold>& all) {
  Chart chart{.title = "units: foretold and mean responses to pictures never seen",
              .x_name = "units, best first",
              .y_name = "correlation"};
  for (const auto& each : all) {
    const auto sorted = std::get<0>(each.scores.correlation.sort(0, /*descending=*/true));
    ChartLine line{each.model, line_colour(chart.lines.size()), {}, ChartMarks::line};
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
  check_outputs(options.common, kFigure, options.session.inputs());
  use_threads(options.common.threads);
  const at::NoGradGuard no_gradient;
  const auto recorded = open_session(options.session);
  const auto responses = mean_responses(recorded.counts);
  const auto seed = static_cast<std::uint64_t>(options.seed);
  const auto held_out = hold_out(recorded.group, seed);
  std::vector<Foretold> all;
  for (const auto& model : baseline_encodings(recorded.pictures)) {
    all.push_back(foretell_scored(model, responses, held_out.group, held_out.fold));
  }
  MetricsFile file{.experiment = "spike-encoding"};
  file.settings = {{"session", recorded.name},
                   {"pictures", recorded.counts.size(0)},
                   {"units", recorded.counts.size(1)},
                   {"seed", options.seed},
                   {"image_size_px", options.session.side}};
  file.results["rows"] = rows_of(responses, all, {recorded, held_out, seed});
  print(file.results["rows"]);
  write_experiment(options.common, file, kFigure, figure_of(all));
  return 0;
}

}  // namespace

void add_evaluate_spike_encoding(Program& program) {
  const auto options = std::make_shared<Options>();
  auto& command = program.add("spike-encoding",
                              "The other direction: how well spike counts to pictures never seen "
                              "are foretold by the mean, an LN model and Gabor energies, area by "
                              "area, beside the ceiling that the counts' own noise sets, and "
                              "which picture was seen by what is foretold of each.",
                              [options] { return evaluate(*options); });
  add_experiment_options(command, options->common, "spike-encoding");
  add_session_options(command, options->session);
  command.add_option("--seed", options->seed, "of folds")->capture_default_str();
}

}  // namespace neurosplat::apps
