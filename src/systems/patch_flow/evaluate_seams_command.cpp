#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>

#include <chrono>
#include <cstdio>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "neurosplat/core/device.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/progress.h"
#include "neurosplat/core/text.h"
#include "neurosplat/figure/chart.h"
#include "neurosplat/figure/picture_grid.h"
#include "neurosplat/io/outputs.h"
#include "neurosplat/metrics/picture_quality.h"
#include "neurosplat/metrics/seam_ratio.h"
#include "neurosplat/program/experiment.h"
#include "neurosplat/program/shipped_file.h"
#include "neurosplat/systems/patch_flow/commands.h"
#include "neurosplat/systems/patch_flow/model_file.h"
#include "systems/patch_flow/patch_flow_update.h"
#include "systems/patch_flow/sampling.h"
#include "systems/patch_flow/seam_history.h"

namespace neurosplat::apps {
namespace {

namespace fs = std::filesystem;
using patches::Sharing;

const std::string kFigure = "seams";
constexpr std::int64_t kFine = 32, kShown = 4;

struct Options {
  ExperimentOptions common;
  fs::path model;
  std::vector<std::string> runs;
  std::int64_t count = 64, steps = 64, seed = 0;
};

void check(const Options& options) {
  if (options.count < 1 || options.count > 1024) {
    throw UsageError(text("count: expected 1 to 1024 pictures, got ", options.count));
  }
  if (options.seed < 0) throw UsageError("seed: expected at least 0");
  check(FlowSteps{.steps = options.steps});
  std::vector<std::pair<std::string, fs::path>> inputs = {{"model", options.model}};
  for (const auto& run : options.runs) inputs.emplace_back("run", fs::path(run) / "metrics.jsonl");
  check_outputs(options.common, kFigure, inputs);
}

/// The same splats drawn one way.
struct Drawn {
  Sharing sharing;
  std::int64_t tile;
  at::Tensor pictures;  ///< in [0, 1]
  double seam_ratio, milliseconds;
};

Drawn draw(const at::Tensor& splats, patches::Kernel kernel, Sharing sharing, std::int64_t tile) {
  using Clock = std::chrono::steady_clock;
  const patches::Form form{.kernel = kernel, .sharing = sharing, .tile = tile};
  patches::render(splats, form);  // the first one allocates
  const auto start = Clock::now();
  const auto rendered = patches::render(splats, form);
  const std::chrono::duration<double, std::milli> took = Clock::now() - start;
  const auto pictures = unit_of(rendered);
  return {sharing, tile, pictures, seam_ratio(pictures, tile),
          took.count() / static_cast<double>(splats.size(0))};
}

/// Mean PSNR of boxes of the finer pictures, averaged, to the coarser ones; NaN where 32 pixels are
/// no multiple of the patch's.
double agreement_of(const Drawn& coarse, const Drawn& fine) {
  if (fine.tile % coarse.tile != 0) return std::numeric_limits<double>::quiet_NaN();
  const auto averaged = at::avg_pool2d(fine.pictures, fine.tile / coarse.tile);
  return psnr_db(averaged, coarse.pictures).mean().item<double>();
}

at::Tensor splats_of(const Options& options, const PatchFlow& model) {
  const auto& sizes = model.architecture();
  if (sizes.head != "splats") {
    throw Error("model: expected one that gives splats, it gives pixels: see --run for these");
  }
  ProgressLine progress("sampling", "steps", sampling_batches(options.count) * options.steps);
  std::int64_t done = 0;
  const auto noise = at::randn(
      {options.count, 3, sizes.image_size, sizes.image_size},
      at::detail::createCPUGenerator(static_cast<std::uint64_t>(options.seed)), at::kFloat);
  const auto numbers =
      last_prediction(model, noise, {.steps = options.steps}, [&] { progress.update(++done); });
  return model.splats(numbers);
}

at::Tensor figure_of(const std::vector<Drawn>& drawn, const std::vector<SeamHistory>& runs) {
  std::vector<std::vector<at::Tensor>> rows;
  for (const auto& each : drawn) {
    if (each.tile != kFine) continue;
    const auto some = std::min(kShown, each.pictures.size(0));
    rows.push_back({with_label(picture_grid(each.pictures.narrow(0, 0, some), some),
                               text("splats of ", patches::name_of(each.sharing), " patches, ",
                                    kFine, " pixels a patch: ", fixed(each.seam_ratio, 3)))});
  }
  if (runs.empty()) return sheet_of(rows);
  const auto width = static_cast<int>(rows.front().front().size(2));
  rows.push_back({draw_chart(chart_of(runs), width / 2, width)});
  return sheet_of(rows);
}

int evaluate(Options options) {
  if (options.model.empty()) options.model = shipped_file("patch-flow-cats.safetensors");
  check(options);
  std::vector<SeamHistory> runs;
  for (const auto& run : options.runs) runs.push_back(read_seam_history(run));
  use_threads(options.common.threads);
  const at::NoGradGuard no_gradient;
  const auto stored = load_patch_flow(options.model);
  const auto& sizes = stored.model.architecture();
  const auto splats = splats_of(options, stored.model);
  std::vector<Drawn> drawn;
  for (const auto sharing : {Sharing::kOwn, Sharing::kNeighbours}) {
    for (const auto tile : {sizes.patch, kFine}) {
      drawn.push_back(draw(splats, sizes.kernel, sharing, tile));
    }
  }
  MetricsFile file{.experiment = "patch-flow-seams"};
  file.settings = {{"model", stored.file.filename().string()},
                   {"trained_with_sharing", patches::name_of(sizes.sharing)},
                   {"kernel", patches::name_of(sizes.kernel)},
                   {"images", options.count},
                   {"steps", options.steps},
                   {"seed", options.seed}};
  auto rows = nlohmann::ordered_json::array();
  std::printf("trained with %s\n%-8s %6s %8s %14s\n", patches::name_of(sizes.sharing).c_str(),
              "sharing", "pixels", "seam", "ms a picture");
  for (const auto& each : drawn) {
    rows.push_back({{"sharing", patches::name_of(each.sharing)},
                    {"tile_px", each.tile},
                    {"seam_ratio", each.seam_ratio},
                    {"render_ms", each.milliseconds}});
    std::printf("%-8s %6lld %8.3f %14.3f\n", patches::name_of(each.sharing).c_str(),
                static_cast<long long>(each.tile), each.seam_ratio, each.milliseconds);
  }
  const auto& own = drawn[sizes.sharing == Sharing::kOwn ? 0 : 2];
  const auto& fine = drawn[sizes.sharing == Sharing::kOwn ? 1 : 3];
  file.results = {{"seam_ratio", own.seam_ratio},
                  {"render_ms_ratio_of_sharing", drawn[2].milliseconds / drawn[0].milliseconds},
                  {"box_filtered_32_psnr_mean_db", agreement_of(own, fine)},
                  {"rows", std::move(rows)}};
  for (const auto& run : runs) add_to(file.results, run);
  write_experiment(options.common, file, kFigure, figure_of(drawn, runs));
  return 0;
}

}  // namespace

void add_evaluate_patch_flow_seams(Program& program) {
  const auto options = std::make_shared<Options>();
  auto& command =
      program.add("patch-flow-seams",
                  "Seams of samples between patches, with and without shared splats, at two sizes, "
                  "what sharing costs, and seams over training.",
                  [options] { return evaluate(*options); });
  add_experiment_options(command, options->common, "patch-flow-seams");
  command.add_option(
      "--model", options->model,
      "run folder or .safetensors file; default: the shipped patch-flow-cats, where there is one");
  command.add_option("--run", options->runs,
                     "run folder whose seams over training are drawn; may be given several times");
  command.add_option("--count", options->count, "samples")->capture_default_str();
  command.add_option("--steps", options->steps, "of sampling")->capture_default_str();
  command.add_option("--seed", options->seed, "of the noise")->capture_default_str();
}

}  // namespace neurosplat::apps
