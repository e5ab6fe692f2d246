#include <ATen/ATen.h>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "neurosplat/core/device.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/progress.h"
#include "neurosplat/core/text.h"
#include "neurosplat/data/picture_loader.h"
#include "neurosplat/figure/drawing.h"
#include "neurosplat/figure/picture_grid.h"
#include "neurosplat/io/outputs.h"
#include "neurosplat/metrics/picture_quality.h"
#include "neurosplat/metrics/seam_ratio.h"
#include "neurosplat/program/experiment.h"
#include "neurosplat/systems/patch_flow/commands.h"
#include "neurosplat/systems/patch_flow/splat_fit.h"
#include "systems/patch_flow/command_pictures.h"
#include "systems/patch_flow/patch_flow_update.h"

namespace neurosplat::apps {
namespace {

const std::string kFigure = "kernels";
constexpr std::int64_t kShown = 8, kSide = 64, kFine = 32;

struct Options {
  ExperimentOptions common;
  PictureOptions pictures;
  std::int64_t count = 20, steps = 300, splats = 16, seed = 0;
};

void check(const Options& options) {
  if (options.count < 1 || options.count > 1000) {
    throw UsageError(text("pictures: expected 1 to 1000, got ", options.count));
  }
  if (options.steps < 1 || options.steps > 100000) {
    throw UsageError(text("steps: expected 1 to 100000, got ", options.steps));
  }
  if (options.seed < 0) throw UsageError("seed: expected at least 0");
  splats_on_a_grid(options.splats);
  check_outputs(options.common, kFigure, {{"data", options.pictures.data}});
}

/// What one kernel came to.
struct Fitted {
  std::string kernel, sharing;
  at::Tensor drawn;  ///< in [0, 1]
  double psnr_db, gradient_energy, seam_ratio, fine_psnr_db;
};

/// Mean PSNR of pictures drawn with 32 pixels a tile, boxes of them averaged, to those with 8.
double agreement_of_sizes(const at::Tensor& splats, const patches::Form& form,
                          const at::Tensor& drawn) {
  auto fine = form;
  fine.tile = kFine;
  const auto averaged = at::avg_pool2d(unit_of(patches::render(splats, fine)), kFine / form.tile);
  return psnr_db(averaged, drawn).mean().item<double>();
}

std::vector<Fitted> fit_all(const Options& options, const at::Tensor& pictures) {
  using patches::Kernel;
  using patches::Sharing;
  const std::vector<Kernel> kernels = {Kernel::kExponential, Kernel::kCosine, Kernel::kSharp,
                                       Kernel::kSharpPost};
  ProgressLine progress("fitting", "steps", 2 * std::ssize(kernels) * options.steps);
  std::int64_t done = 0;
  std::vector<Fitted> all;
  for (const auto sharing : {Sharing::kOwn, Sharing::kNeighbours}) {
    for (const auto kernel : kernels) {
      const SplatFit fit{.splats = options.splats,
                         .steps = options.steps,
                         .form = {.kernel = kernel, .sharing = sharing}};
      const auto raw = fit_splats(pictures, fit, [&] { progress.update(++done); });
      const auto splats = patches::activate(raw, fit.activation);
      const auto drawn = unit_of(patches::render(splats, fit.form));
      all.push_back({patches::name_of(kernel), patches::name_of(sharing), drawn,
                     psnr_db(drawn, pictures).mean().item<double>(),
                     gradient_energy_ratio(drawn, pictures), seam_ratio(drawn, fit.form.tile),
                     agreement_of_sizes(splats, fit.form, drawn)});
    }
  }
  return all;
}

at::Tensor figure_of(const std::vector<Fitted>& all, const at::Tensor& pictures) {
  const auto some = std::min(kShown, pictures.size(0));
  const auto row = [&](const at::Tensor& shown, const std::string& label) {
    return std::vector<at::Tensor>{with_label(picture_grid(shown.narrow(0, 0, some), some), label)};
  };
  std::vector<std::vector<at::Tensor>> rows = {row(pictures, "pictures")};
  for (const auto& each : all) {
    rows.push_back(row(each.drawn,
                       text(each.kernel, ", ", each.sharing, ": ", fixed(each.psnr_db, 2), " dB")));
  }
  return sheet_of(rows);
}

int evaluate(Options options) {
  check(options);
  settle(options.pictures, {});
  use_threads(options.common.threads);
  const auto pictures =
      to_unit_range(read_pictures(options.pictures, {"test"}, options.count, kSide,
                                  static_cast<std::uint64_t>(options.seed)),
                    at::kCPU);
  const auto all = fit_all(options, pictures);

  MetricsFile file{.experiment = "patch-flow-kernels"};
  file.settings = {{"dataset", options.pictures.dataset},
                   {"images", options.count},
                   {"image_size", kSide},
                   {"tile", patches::Form{}.tile},
                   {"splats", options.splats},
                   {"steps", options.steps},
                   {"seed", options.seed}};
  auto rows = nlohmann::ordered_json::array();
  std::printf("%-12s %-7s %8s %10s %6s %9s\n", "kernel", "sharing", "PSNR, dB", "gradients", "seam",
              "32 vs 8");
  for (const auto& each : all) {
    rows.push_back({{"kernel", each.kernel},
                    {"sharing", each.sharing},
                    {"psnr_mean_db", each.psnr_db},
                    {"gradient_energy_ratio", each.gradient_energy},
                    {"seam_ratio", each.seam_ratio},
                    {"box_filtered_32_psnr_mean_db", each.fine_psnr_db}});
    std::printf("%-12s %-7s %8.2f %10.3f %6.3f %9.2f\n", each.kernel.c_str(), each.sharing.c_str(),
                each.psnr_db, each.gradient_energy, each.seam_ratio, each.fine_psnr_db);
  }
  file.results = {{"seam_ratio_real", seam_ratio(pictures, patches::Form{}.tile)},
                  {"rows", std::move(rows)}};
  write_experiment(options.common, file, kFigure, figure_of(all, pictures));
  return 0;
}

}  // namespace

void add_evaluate_patch_flow_kernels(Program& program) {
  const auto options = std::make_shared<Options>();
  auto& command = program.add("patch-flow-kernels",
                              "Splats of every kernel fitted to held-out pictures, without a "
                              "network: fidelity, blur and seams.",
                              [options] { return evaluate(*options); });
  add_experiment_options(command, options->common, "patch-flow-kernels");
  add_picture_options(command, options->pictures);
  command.add_option("--pictures", options->count, "held-out pictures to fit, of 64 pixels")
      ->capture_default_str();
  command.add_option("--steps", options->steps, "of Adam, for each kernel")->capture_default_str();
  command.add_option("--splats", options->splats, "a patch of 8 pixels, a square number")
      ->capture_default_str();
  command.add_option("--seed", options->seed, "of the choice of pictures")->capture_default_str();
}

}  // namespace neurosplat::apps
