#include <ATen/Parallel.h>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "neurosplat/core/device.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/log.h"
#include "neurosplat/core/text.h"
#include "neurosplat/figure/chart.h"
#include "neurosplat/program/experiment.h"
#include "neurosplat/systems/iterative_vae/commands.h"
#include "neurosplat/systems/iterative_vae/inference_speed.h"
#include "neurosplat/systems/iterative_vae/model_file.h"

namespace neurosplat::apps {
namespace {

constexpr const char* kFigure = "ivae-speed";

struct Options {
  ExperimentOptions common;
  std::filesystem::path model;
  double seconds = 3;
  bool no_growth = false;
};

/// Threads of operations while it lives.
class Threads {
 public:
  explicit Threads(int count) : before_(at::get_num_threads()) { at::set_num_threads(count); }
  ~Threads() { at::set_num_threads(before_); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

 private:
  int before_;
};

struct Growth {
  std::string over;
  std::vector<std::pair<double, double>> microseconds;  ///< by size, a patch
};

/// Slope of log time over log size between the smallest and the largest.
double exponent_of(const Growth& growth) {
  const auto& [first, few] = growth.microseconds.front();
  const auto& [last, many] = growth.microseconds.back();
  return std::log(many / few) / std::log(last / first);
}

/// How the time of a training step for a patch grows with each size, the others as published.
std::vector<Growth> measure_growth(double seconds, nlohmann::ordered_json& rows) {
  std::vector<Growth> all;
  const auto measure = [&](const std::string& over, const std::vector<std::int64_t>& sizes,
                           const std::function<void(SpeedCase&, std::int64_t)>& set) {
    Growth growth{over, {}};
    for (const auto size : sizes) {
      SpeedCase measured;
      set(measured, size);
      const auto speed = measure_training(measured, std::nullopt, false, seconds);
      growth.microseconds.emplace_back(static_cast<double>(size),
                                       1e6 / speed.fused_patches_per_second);
      rows.push_back({{"over", over},
                      {"latents", measured.sizes.latents},
                      {"steps", measured.steps},
                      {"batch", measured.batch},
                      {"patches_per_second", speed.fused_patches_per_second}});
      log::info(
          text(over, " ", size, ": ", fixed(speed.fused_patches_per_second, 0), " patches/s"));
    }
    all.push_back(std::move(growth));
  };
  measure("latents", {128, 256, 512, 1024, 2048},
          [](SpeedCase& c, std::int64_t size) { c.sizes.latents = size; });
  measure("steps", {4, 8, 16, 32, 64}, [](SpeedCase& c, std::int64_t size) { c.steps = size; });
  measure("batch", {25, 50, 100, 200, 400},
          [](SpeedCase& c, std::int64_t size) { c.batch = size; });
  return all;
}

at::Tensor figure_of(const std::vector<Growth>& growths) {
  Chart chart{.title = "Time of a training step for a patch",
              .x_name = "size, in units of the published one (512 latents, 16 steps, batch 200)",
              .y_name = "microseconds"};
  const std::vector<double> published = {512, 16, 200};
  for (std::size_t i = 0; i < growths.size(); ++i) {
    ChartLine line{growths[i].over, line_colour(i), {}};
    for (const auto& [size, time] : growths[i].microseconds) {
      line.points.push_back({size / published[i], time, size / published[i]});
    }
    chart.lines.push_back(std::move(line));
  }
  return draw_chart(chart, 420, 720);
}

int evaluate(const Options& options) {
  if (!(std::isfinite(options.seconds) && options.seconds > 0)) {
    throw UsageError(text("seconds: expected a number above 0, got ", options.seconds));
  }
  check_outputs(options.common, kFigure, {{"model", options.model}});
  use_threads(options.common.threads);
  std::optional<IterativeVae> weights;
  SpeedCase published;
  if (!options.model.empty()) {
    weights = load_iterative_vae(options.model).model;
    published.sizes = weights->architecture();
  }
  const auto model = weights ? *weights : IterativeVae(published.sizes, 1);
  const auto training = measure_training(published, weights, true, options.seconds);
  const double product = matrix_product_gflops(options.seconds / 2);
  double inference = 0, online = 0;
  {
    const Threads one(1);
    inference = patch_steps_per_second(model, published.batch, options.seconds);
    online = online_step_us(model, options.seconds);
  }
  const double gflops = 1e-9 * training_flops(published) * training.fused_patches_per_second;

  MetricsFile file{.experiment = "ivae-speed"};
  file.settings = {{"model", options.model.filename().string()},
                   {"latents_kind", published.sizes.model},
                   {"pixels", published.sizes.pixels},
                   {"latents", published.sizes.latents},
                   {"steps", published.steps},
                   {"batch", published.batch},
                   {"seconds_each", options.seconds},
                   {"inference_threads", 1}};
  file.results = {
      {"patches_per_second", training.fused_patches_per_second},
      {"eager_patches_per_second", training.eager_patches_per_second},
      {"ratio_to_eager", training.fused_patches_per_second / training.eager_patches_per_second},
      {"patch_steps_per_second", inference},
      {"online_step_us", online},
      {"training_gflops", gflops},
      {"matrix_product_gflops", product},
      {"share_of_product", gflops / product}};
  at::Tensor figure = figure_of({});
  if (!options.no_growth) {
    auto rows = nlohmann::ordered_json::array();
    const auto growths = measure_growth(options.seconds / 3, rows);
    for (const auto& growth : growths) {
      file.results["growth_exponent_" + growth.over] = exponent_of(growth);
    }
    file.results["rows"] = rows;
    figure = figure_of(growths);
  }
  std::printf(
      "training %.0f patches/s, %.1f times tensor by tensor (%.0f), %.0f GFLOP/s in products, %.0f "
      "%% "
      "of a 1024^3 product's; inference on one thread %.0f patch-steps/s; one online step %.1f "
      "us\n",
      training.fused_patches_per_second,
      training.fused_patches_per_second / training.eager_patches_per_second,
      training.eager_patches_per_second, gflops, 100 * gflops / product, inference, online);
  write_experiment(options.common, file, kFigure, figure);
  return 0;
}

}  // namespace

void add_evaluate_ivae_speed(Program& program) {
  const auto options = std::make_shared<Options>();
  auto& command = program.add("ivae-speed",
                              "How fast an iterative VAE trains and infers, beside the same tensor "
                              "by tensor in one run. Let "
                              "nothing else run meanwhile.",
                              [options] { return evaluate(*options); });
  add_experiment_options(command, options->common, "ivae-speed");
  command.add_option("--model", options->model,
                     "run folder or file whose weights, and so rates, are measured; default: fresh "
                     "ones of the published size");
  command.add_option("--seconds", options->seconds, "seconds for each measurement, at least")
      ->capture_default_str();
  command.add_flag("--no-growth", options->no_growth,
                   "leave out how time grows with latents, steps and batch");
}

}  // namespace neurosplat::apps
