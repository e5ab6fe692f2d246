#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "neurosplat/core/device.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/progress.h"
#include "neurosplat/core/text.h"
#include "neurosplat/figure/chart.h"
#include "neurosplat/metrics/identification.h"
#include "neurosplat/program/experiment.h"
#include "neurosplat/systems/spike_decoder/commands.h"
#include "systems/spike_decoder/decoding_rows.h"
#include "systems/spike_decoder/refitted_permutation.h"
#include "systems/spike_decoder/repeat_identification.h"
#include "systems/spike_decoder/session_options.h"
#include "systems/spike_decoder/shipped_spaces.h"

namespace neurosplat::apps {
namespace {

using Json = nlohmann::ordered_json;

const std::string kFigure = "areas";

struct Options {
  ExperimentOptions common;
  SessionOptions session;
  std::string latents = "pixels";
  std::int64_t seed = 0, draws = 5, shuffles = 199;
};

/// Areas in the order of the session's units.
std::vector<std::string> names_of(const PictureResponses& recorded) {
  std::vector<std::string> names;
  for (const auto& area : recorded.areas) {
    if (std::find(names.begin(), names.end(), area) == names.end()) names.push_back(area);
  }
  return names;
}

PictureResponses of_units(const PictureResponses& recorded, const at::Tensor& units) {
  auto some = recorded;
  some.counts = recorded.counts.index_select(1, units);
  some.areas.clear();
  for (std::int64_t i = 0; i < units.numel(); ++i) {
    some.areas.push_back(recorded.areas[static_cast<std::size_t>(units[i].item<std::int64_t>())]);
  }
  return some;
}

/// The table and what its rows have in common.
class Table {
 public:
  Table(const Options& options, const PictureResponses& recorded)
      : options_(options),
        space_(latent_space(options.latents, options.session.side)),
        latents_(latents_of(space_, recorded.pictures)) {}

  const LatentSpace& space() const { return space_; }
  const Json& rows() const { return rows_; }

  void add(const std::string& part, const std::string& name, const PictureResponses& recorded,
           const DecoderChoices& choices = {}) {
    const auto session = session_of(recorded, seed(), options_.shuffles);
    const auto latents =
        decode_latents(session.responses, latents_, space_.group, session.held_out, choices);
    DecodedPictures decoded{name, drawn(session, space_, latents)};
    decoded.permutation_p =
        refitted_permutation(session.responses, latents_, space_.group, session.held_out,
                             choices.penalties, options_.shuffles, seed())
            .p;
    const DecodingTarget target{.pictures = session.pictures,
                                .means = training_means(session.pictures, session.held_out),
                                .group = session.held_out.group,
                                .fold = session.held_out.fold,
                                .scene = recorded.scene,
                                .seed = seed(),
                                .features = {}};
    Json row = {{"part", part}, {"name", name}, {"units", recorded.counts.size(1)}};
    row.update(score_decoded(decoded, target));
    row.erase("row");
    add_row(std::move(row));
  }

  void add_row(Json row) {
    print(row);
    rows_.push_back(std::move(row));
  }

 private:
  std::uint64_t seed() const { return static_cast<std::uint64_t>(options_.seed); }

  static void print(const Json& row) {
    const auto number = [&](const char* key) {
      return row.contains(key) ? fixed(row.at(key).get<double>(), 3) : std::string("-");
    };
    auto name = row.at("name").get<std::string>();
    if (row.contains("repeats")) name += text(", ", row.at("repeats").get<std::int64_t>());
    std::printf(
        "%-8s %-16s %6lld %8s %8s %8s %16s %7s %7s\n", row.at("part").get<std::string>().c_str(),
        name.c_str(), static_cast<long long>(row.at("units").get<std::int64_t>()),
        number("pixcorr_mean").c_str(), number("two_way_deviation").c_str(),
        number("identification_top1").c_str(),
        (number("identification_top1_low") + " to " + number("identification_top1_high")).c_str(),
        number("bound_top1").c_str(), number("permutation_p").c_str());
    std::fflush(stdout);
  }

  const Options& options_;
  LatentSpace space_;
  at::Tensor latents_;
  Json rows_ = Json::array();
};

/// Every area with as many units as the smallest has, and with all of them; every pair.
void add_areas(Table& table, const PictureResponses& recorded, const at::Generator& generator) {
  const auto names = names_of(recorded);
  if (names.size() < 2) return;
  std::int64_t fewest = recorded.counts.size(1);
  for (const auto& name : names) {
    fewest = std::min(fewest, of_areas(recorded, {name}).counts.size(1));
  }
  for (const auto& name : names) {
    const auto area = of_areas(recorded, {name});
    table.add("area", name, area);
    const auto some = at::randperm(area.counts.size(1), generator, at::kLong).narrow(0, 0, fewest);
    table.add("equal", name, of_units(area, std::get<0>(some.sort())));
  }
  for (std::size_t a = 0; a < names.size(); ++a) {
    for (std::size_t b = a + 1; b < names.size(); ++b) {
      table.add("pair", names[a] + "+" + names[b], of_areas(recorded, {names[a], names[b]}));
    }
  }
}

/// Random units of all areas: 5, 10, 20, 50, ... of them.
void add_unit_counts(Table& table, const PictureResponses& recorded, std::int64_t draws,
                     const at::Generator& generator) {
  const auto units = recorded.counts.size(1);
  constexpr std::int64_t kSteps[] = {2, 5, 10};
  for (std::int64_t decade = 1; decade < units; decade *= 10) {
    for (const auto step : kSteps) {
      const auto count = decade * step;
      if (count >= units || count < 5) continue;
      for (std::int64_t draw = 0; draw < draws; ++draw) {
        const auto some = at::randperm(units, generator, at::kLong).narrow(0, 0, count);
        table.add("units", text("draw ", draw + 1), of_units(recorded, std::get<0>(some.sort())));
      }
    }
  }
}

/// The first 1, 2, 5, 10, ... repeats of every picture, where all units have them.
void add_repeats(Table& table, const PictureResponses& recorded) {
  for (const std::int64_t count : {1, 2, 5, 10, 20, 50}) {
    if (count >= recorded.counts.size(2)) return;
    auto some = recorded;
    some.counts = recorded.counts.narrow(2, 0, count);
    if (!some.counts.ge(0).any(2).all().item<bool>()) continue;
    table.add("repeats", text(count, count == 1 ? " repeat" : " repeats"), some);
  }
}

void add_penalties(Table& table, const PictureResponses& recorded) {
  for (const double penalty : penalties_between(1e-3, 1e4, 8)) {
    table.add("penalty", text(penalty), recorded, {.penalties = {penalty}});
  }
}

/// What a decoder can know at most that has seen the very pictures, of all units and of each area:
/// from half of the repeats and from one. Beside it, for a simulated session, what no decoder of
/// these units exceeds.
class RepeatsKnown {
 public:
  RepeatsKnown(const Options& options, const PictureResponses& recorded)
      : options_(options), recorded_(recorded) {
    if (options.session.data.empty()) simulated_.emplace(simulated_session(options.session));
  }

  void add_to(Table& table) const {
    if (recorded_.counts.size(2) < 2) return;
    auto names = names_of(recorded_);
    if (names.size() > 1) names.insert(names.begin(), "all");
    for (const auto& name : names) {
      for (const std::int64_t repeats : {std::int64_t{1}, recorded_.counts.size(2) / 2}) {
        table.add_row(row_of(name, repeats));
      }
    }
  }

 private:
  Json row_of(const std::string& name, std::int64_t repeats) const {
    const auto some = name == "all" ? recorded_ : of_areas(recorded_, {name});
    const auto seed = static_cast<std::uint64_t>(options_.seed);
    const auto interval =
        bootstrap(identified_by_repeats(some.counts, repeats), some.group, kResamples, seed);
    Json row = {{"part", "known"},
                {"name", name},
                {"units", some.counts.size(1)},
                {"repeats", repeats},
                {"chance", 1.0 / static_cast<double>(some.counts.size(0))}};
    put_interval(row, "identification_top1", interval);
    if (simulated_) row["bound_top1"] = bound_of(name, repeats);
    return row;
  }

  double bound_of(const std::string& name, std::int64_t repeats) const {
    std::vector<std::size_t> units;
    for (const auto unit : simulated_->good()) {
      if (name == "all" || simulated_->areas()[unit] == name) units.push_back(unit);
    }
    // Responses begin at the latency; what the window has before it answers the picture before.
    const double latency_ms = 1000 * SimulatedSessionOptions().latency;
    const double seconds =
        (options_.session.to_ms - std::max(options_.session.from_ms, latency_ms)) / 1000;
    return simulated_->identification_bound(units, repeats, seconds, kBoundDraws,
                                            static_cast<std::uint64_t>(options_.seed));
  }

  static constexpr std::int64_t kResamples = 1000, kBoundDraws = 1000;

  const Options& options_;
  const PictureResponses& recorded_;
  std::optional<SimulatedSession> simulated_;
};

at::Tensor figure_of(const Json& rows) {
  Chart chart{.title = "identification of pictures never seen",
              .x_name = "units",
              .y_name = "top 1",
              .log_x = true};
  for (const std::string part : {"units", "area", "pair", "all"}) {
    ChartLine line{part, line_colour(chart.lines.size()), {}, ChartMarks::dots};
    for (const auto& row : rows) {
      if (row.at("part") != part) continue;
      const auto x = row.at("units").get<double>();
      line.points.push_back({x, row.at("identification_top1").get<double>(), x});
    }
    if (!line.points.empty()) chart.lines.push_back(std::move(line));
  }
  chart.levels.push_back({"chance", {0.5F, 0.5F, 0.5F}, rows.back().at("chance").get<double>()});
  return draw_chart(chart, 420, 900);
}

int evaluate(const Options& options) {
  if (options.seed < 0) throw UsageError("seed: expected at least 0");
  if (options.draws < 1 || options.draws > 100) {
    throw UsageError(text("draws: expected 1 to 100, got ", options.draws));
  }
  if (options.shuffles < 19 || options.shuffles > 1000000) {
    throw UsageError(text("shuffles: expected 19 to 1000000, got ", options.shuffles));
  }
  auto inputs = options.session.inputs();
  for (auto& input : latent_inputs(options.latents)) inputs.push_back(std::move(input));
  check_outputs(options.common, kFigure, inputs);
  use_threads(options.common.threads);
  const at::NoGradGuard no_gradient;
  const auto recorded = open_session(options.session);
  const auto generator = at::detail::createCPUGenerator(static_cast<std::uint64_t>(options.seed));
  Table table(options, recorded);
  std::printf("%-8s %-16s %6s %8s %8s %8s %16s %7s %7s\n", "part", "name", "units", "PixCorr",
              "two-way", "top 1", "95 %", "bound", "p");
  RepeatsKnown(options, recorded).add_to(table);
  table.add("all", "all", recorded);
  add_areas(table, recorded, generator);
  add_unit_counts(table, recorded, options.draws, generator);
  add_repeats(table, recorded);
  add_penalties(table, recorded);
  MetricsFile file{.experiment = "spike-areas"};
  file.settings = {{"session", recorded.name},
                   {"latents", table.space().name},
                   {"pictures", recorded.counts.size(0)},
                   {"units", recorded.counts.size(1)},
                   {"draws", options.draws},
                   {"shuffles", options.shuffles},
                   {"seed", options.seed}};
  file.results["rows"] = table.rows();
  write_experiment(options.common, file, kFigure, figure_of(table.rows()));
  return 0;
}

}  // namespace

void add_evaluate_spike_areas(Program& program) {
  const auto options = std::make_shared<Options>();
  auto& command = program.add("spike-areas",
                              "What decoding takes: each area, with all its units and with as many "
                              "as the smallest has, pairs of areas, random units, fewer repeats, "
                              "single penalties; beside what the same pictures' other repeats "
                              "tell (known), and for a simulated session the bound.",
                              [options] { return evaluate(*options); });
  add_experiment_options(command, options->common, "spike-areas");
  add_session_options(command, options->session);
  add_latents_option(command, options->latents);
  command.add_option("--draws", options->draws, "of random units for each count")
      ->capture_default_str();
  command.add_option("--shuffles", options->shuffles, "of whole movies or pictures, for p")
      ->capture_default_str();
  command.add_option("--seed", options->seed, "of folds, draws and shuffles")
      ->capture_default_str();
}

}  // namespace neurosplat::apps
