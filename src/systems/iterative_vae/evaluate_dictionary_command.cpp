#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <numbers>
#include <sstream>
#include <string>
#include <vector>

#include "neurosplat/core/device.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/data/patch_set.h"
#include "neurosplat/figure/bars.h"
#include "neurosplat/figure/chart.h"
#include "neurosplat/figure/drawing.h"
#include "neurosplat/io/atomic_file.h"
#include "neurosplat/io/outputs.h"
#include "neurosplat/systems/iterative_vae/commands.h"
#include "neurosplat/systems/iterative_vae/dictionary.h"
#include "systems/iterative_vae/command_model.h"
#include "systems/iterative_vae/patch_sheets.h"

namespace neurosplat::apps {
namespace {

namespace fs = std::filesystem;

const std::string kFigure = "dictionary", kTable = "gabors.csv";
/// Share of a set's patches that validate.
constexpr double kValidation = 0.2;

struct Options {
  MeasuringOptions measuring;
  fs::path data;
  std::string dataset;
  std::int64_t patches = 1000, steps = 100, seed = 0;
};

void check(const Options& options) {
  checked_seed(options.seed);
  constexpr std::int64_t kMostPatches = 1'000'000, kMostSteps = 100'000;
  if (options.patches < 1 || options.patches > kMostPatches) {
    throw UsageError(text("patches: expected 1 to ", kMostPatches, ", got ", options.patches));
  }
  if (options.steps < 1 || options.steps > kMostSteps) {
    throw UsageError(text("steps: expected 1 to ", kMostSteps, ", got ", options.steps));
  }
  if (options.data.empty() && !options.dataset.empty() && options.dataset != "synthetic") {
    throw UsageError("dataset: needs --data: say where it lies, or leave it away");
  }
  Outputs outputs(options.measuring.common.overwrite);
  outputs.reads("model", options.measuring.model, kIterativeVaeFileNames);
  outputs.reads("data", options.data);
  outputs.writes("out", options.measuring.common.out, {"metrics.json", kFigure + ".png", kTable});
  outputs.check();
}

/// What columns are sorted by, and what it is called.
struct Order {
  std::string name, title, data;
  at::Tensor values;  ///< float64 [latents]
};

Order order_of(const Options& options, const StoredIterativeVae& stored,
               const at::Tensor& columns) {
  if (options.data.empty() && options.dataset.empty()) {
    return {"norm", "norm", "", columns.to(at::kDouble).norm(2, 0)};
  }
  const auto named = stored.metadata.find("dataset");
  const auto trained_on = named == stored.metadata.end() ? "natural" : named->second;
  PatchRequest request;
  request.dataset = options.dataset.empty() ? trained_on : options.dataset;
  request.root = options.data;
  request.side = patch_side(stored.model);
  request.patches =
      static_cast<std::int64_t>(std::ceil(static_cast<double>(options.patches) / kValidation));
  request.validation = kValidation;
  request.seed = static_cast<std::uint64_t>(options.seed);
  const auto set = open_patches(request);
  const auto patches =
      set.validation.narrow(0, 0, std::min(options.patches, set.validation.size(0)));
  const auto values = mean_final_state(stored.model, patches, options.steps, request.seed);
  if (stored.model.architecture().poisson()) {
    return {"log_rate", "mean final log-rate", set.description, values};
  }
  return {"mean", "mean final state", set.description, values};
}

void write_table(const fs::path& path, const Order& order, const at::Tensor& places,
                 const std::vector<GaborFit>& fits) {
  std::ostringstream table;
  table << "rank,column," << order.name
        << ",r2,x_px,y_px,across_px,along_px,orientation_deg,frequency_per_px,phase_rad,"
           "amplitude\n";
  for (std::int64_t rank = 0; rank < places.numel(); ++rank) {
    const auto column = places[rank].item<std::int64_t>();
    const auto& [gabor, r2] = fits[static_cast<std::size_t>(column)];
    table << rank << ',' << column << ',' << order.values[column].item<double>() << ',' << r2 << ','
          << gabor.x << ',' << gabor.y << ',' << gabor.across << ',' << gabor.along << ','
          << gabor.orientation * 180.0 / std::numbers::pi << ',' << gabor.frequency << ','
          << gabor.phase << ',' << gabor.amplitude << '\n';
  }
  write_file_atomically(path, table.str());
}

at::Tensor histogram_picture(const std::string& title, const std::vector<HistogramBin>& bins,
                             int decimals, bool open_end, int height, int width) {
  BarChart chart{.title = title, .unit = {}, .bars = {}, .decimals = 0};
  for (const auto& bin : bins) {
    const auto from = fixed(bin.from, decimals);
    const bool last = open_end && &bin == &bins.back();
    chart.bars.push_back({last ? from + " or more" : text(from, "-", fixed(bin.to, decimals)),
                          static_cast<double>(bin.count), line_colour(0)});
  }
  return draw_bars(chart, height, width);
}

at::Tensor figure_of(const at::Tensor& columns, const Order& order, std::int64_t side,
                     const GaborStatistics& statistics) {
  constexpr int kHeight = 240, kGap = 4, kLeast = 720;
  const auto tiles = dictionary_sheet(columns, order.values, side);
  const auto width = static_cast<int>(std::max<std::int64_t>(tiles.size(2), kLeast));
  const auto part = (width - 2 * kGap) / 3;
  return sheet_of(
      {{with_label(at::constant_pad_nd(tiles, {0, width - tiles.size(2)}),
                   text(columns.size(1), " columns by ", order.title))},
       {histogram_picture("orientation, degrees", statistics.orientation, 1, false, kHeight, part),
        histogram_picture("stripes a pixel", statistics.frequency, 2, true, kHeight, part),
        histogram_picture("length / width", statistics.aspect, 1, true, kHeight, part)}},
      kGap);
}

nlohmann::ordered_json counts_of(const std::vector<HistogramBin>& bins) {
  auto counts = nlohmann::ordered_json::array();
  for (const auto& bin : bins) counts.push_back(bin.count);
  return counts;
}

nlohmann::ordered_json edges_of(const std::vector<HistogramBin>& bins) {
  auto edges = nlohmann::ordered_json::array({bins.front().from});
  for (const auto& bin : bins) edges.push_back(bin.to);
  return edges;
}

int evaluate(const Options& options) {
  check(options);
  use_threads(options.measuring.common.threads);
  const auto stored = read_iterative_vae(options.measuring.model);
  const auto columns = dictionary_of(stored.model);
  const auto order = order_of(options, stored, columns);
  const auto places = largest_first(order.values);
  const auto fits = fit_gabors(columns);
  const auto statistics = gabor_statistics(fits);

  MetricsFile file{.experiment = "ivae-dictionary"};
  file.settings = {{"model", stored.file.filename().string()},
                   {"latents", stored.model.architecture().latents},
                   {"sorted_by", order.name},
                   {"data", order.data},
                   {"patches", options.patches},
                   {"steps", options.steps},
                   {"seed", options.seed}};
  if (order.data.empty()) {
    for (const char* unused : {"data", "patches", "steps", "seed"}) file.settings.erase(unused);
  }
  file.results = {{"share_gabor", statistics.share_good},
                  {"least_r2_of_gabor", GaborStatistics::kGood},
                  {"gabor_columns", statistics.good},
                  {"orientation_edges_deg", edges_of(statistics.orientation)},
                  {"orientation_columns", counts_of(statistics.orientation)},
                  {"frequency_edges_per_px", edges_of(statistics.frequency)},
                  {"frequency_columns", counts_of(statistics.frequency)},
                  {"aspect_edges", edges_of(statistics.aspect)},
                  {"aspect_columns", counts_of(statistics.aspect)}};
  write_experiment(options.measuring.common, file, kFigure,
                   figure_of(columns, order, patch_side(stored.model), statistics));
  write_table(fs::path(options.measuring.common.out) / kTable, order, places, fits);
  std::printf("%.1f%% of %lld columns are like Gabors (r2 above %.1f)\n",
              100.0 * statistics.share_good, static_cast<long long>(columns.size(1)),
              GaborStatistics::kGood);
  return 0;
}

}  // namespace

void add_evaluate_ivae_dictionary(Program& program) {
  const auto options = std::make_shared<Options>();
  auto& command =
      program.add("ivae-dictionary", "The columns of a linear decoder, and the Gabors in them.",
                  [options] { return evaluate(*options); });
  add_measuring_options(command, options->measuring, "ivae-dictionary",
                        "metrics.json, dictionary.png and gabors.csv");
  command.add_option("--data", options->data,
                     "folder of patches' data: columns are sorted by the mean state that inference "
                     "ends in; default: none, sorted by norm");
  command.add_option(
      "--dataset", options->dataset,
      "natural, folder, npy, mnist or synthetic; default: what the model was trained "
      "on");
  command.add_option("--patches", options->patches, "patches to infer")->capture_default_str();
  command.add_option("--steps", options->steps, "of inference")->capture_default_str();
  command.add_option("--seed", options->seed, "of the choice of patches and of spikes")
      ->capture_default_str();
}

}  // namespace neurosplat::apps
