#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <cstdio>
#include <limits>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "neurosplat/core/device.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/log.h"
#include "neurosplat/core/text.h"
#include "neurosplat/core/words.h"
#include "neurosplat/data/picture_loader.h"
#include "neurosplat/evaluation/fitted_floor.h"
#include "neurosplat/figure/drawing.h"
#include "neurosplat/figure/picture_grid.h"
#include "neurosplat/metrics/picture_quality.h"
#include "neurosplat/program/experiment.h"
#include "neurosplat/program/shipped_file.h"
#include "neurosplat/systems/hierarchical_vae/commands.h"
#include "neurosplat/systems/hierarchical_vae/model_file.h"
#include "neurosplat/training/stored_model.h"
#include "systems/hierarchical_vae/hierarchical_scores.h"

namespace neurosplat::apps {
namespace {

namespace fs = std::filesystem;

const std::string kFigure = "levels";
constexpr std::int64_t kShown = 12;

struct Options {
  ExperimentOptions common;
  fs::path model, data, pictures;
  std::string split = "test";
  std::int64_t count = 1000, floor_pictures = 4096, seed = 0, workers = 2;
  bool accept_changed_data = false;
};

void check(const Options& options) {
  if (options.count < 2 || options.count > 100000) {
    throw UsageError(text("count: expected 2 to 100000 pictures, got ", options.count));
  }
  if (options.floor_pictures < 2 || options.floor_pictures > 20000) {
    throw UsageError(text("floor-pictures: expected 2 to 20000, got ", options.floor_pictures));
  }
  if (options.seed < 0) throw UsageError("seed: expected at least 0");
  if (options.workers < 1) throw UsageError("workers: expected at least 1");
  check_outputs(options.common, kFigure,
                {{"model", options.model}, {"data", options.data}, {"pictures", options.pictures}});
}

/// Splits of the data set that the model was trained on, as its file says.
PictureRequest request_of(const Options& options, const StoredHierarchicalVae& stored,
                          const std::vector<std::string>& splits) {
  std::int64_t split_seed = 0;
  read_number(stored.metadata, "split_seed", split_seed);
  return {.kind = dataset_from_name(described(stored.metadata, "dataset")),
          .root = options.data,
          .splits = splits,
          .split_seed = static_cast<std::uint64_t>(split_seed)};
}

/// The pictures that the model was trained on; nothing where only others are measured.
std::shared_ptr<const PictureSource> trained_pictures(const Options& options,
                                                      const StoredHierarchicalVae& stored) {
  if (options.data.empty() && !options.pictures.empty()) return nullptr;
  const auto splits = words_of(described(stored.metadata, "splits"));
  std::shared_ptr<const PictureSource> pictures =
      open_pictures(request_of(options, stored, splits));
  const auto& expected = described(stored.metadata, "list_hash");
  if (pictures->list_hash() == expected) return pictures;
  const std::string what = "the data are not those that the model was trained on";
  if (!options.accept_changed_data) {
    throw Error(text(what, ": expected list hash ", expected, ", got ", pictures->list_hash(),
                     ": name its folder, or pass --accept-changed-data"));
  }
  log::warn(text(what, ": some that are measured may have been trained on"));
  return pictures;
}

std::shared_ptr<const PictureSource> measured_pictures(const Options& options,
                                                       const StoredHierarchicalVae& stored) {
  if (!options.pictures.empty()) return open_folder(options.pictures);
  const auto trained = words_of(described(stored.metadata, "splits"));
  if (std::find(trained.begin(), trained.end(), options.split) != trained.end()) {
    throw UsageError(text("split: expected one that the model was not trained on, got ",
                          options.split, ": name another"));
  }
  return open_pictures(request_of(options, stored, {options.split}));
}

/// At most `count` pictures, spread over the source, float in [0, 1].
at::Tensor spread_over(const std::shared_ptr<const PictureSource>& source, std::int64_t count,
                       std::int64_t side, std::int64_t workers) {
  const PictureLoader loader(source, keep_all(*source, side, static_cast<int>(workers)));
  const auto taken = std::min(count, loader.size());
  std::vector<std::int64_t> positions(static_cast<std::size_t>(taken));
  for (std::int64_t i = 0; i < taken; ++i) {
    positions[static_cast<std::size_t>(i)] = i * loader.size() / taken;
  }
  return to_unit_range(loader.pictures(positions), at::kCPU);
}

/// Principal components of training pictures, as many as a level and those above it have numbers;
/// NaN where the pictures are too few for so many.
std::vector<double> floors_of(const LinearFloor& floor, const HierarchicalScores& scores,
                              const at::Tensor& pictures) {
  std::vector<double> floors;
  for (const auto& level : scores.levels) {
    floors.push_back(std::numeric_limits<double>::quiet_NaN());
    if (level.numbers > floor.components.size(0)) continue;
    const LinearFloor part{floor.mean, floor.components.narrow(0, 0, level.numbers),
                           floor.variances.narrow(0, 0, level.numbers)};
    floors.back() = psnr_db(project(part, pictures), pictures).mean().item<double>();
  }
  return floors;
}

std::int64_t most_components(const HierarchicalScores& scores, std::int64_t pictures) {
  std::int64_t most = 1;
  for (const auto& level : scores.levels) {
    if (level.numbers < pictures) most = std::max(most, level.numbers);
  }
  return most;
}

void add_floors(MetricsFile& file, const Options& options, const HierarchicalScores& scores,
                const std::shared_ptr<const PictureSource>& trained, const PictureSource& measured,
                const at::Tensor& pictures) {
  const auto limit = std::min(options.floor_pictures, trained->size());
  const auto fitted = fit_floor({.pictures = trained,
                                 .limit = limit,
                                 .seed = static_cast<std::uint64_t>(options.seed),
                                 .side = pictures.size(2),
                                 .components = most_components(scores, limit),
                                 .workers = static_cast<int>(options.workers)},
                                measured);
  const auto mean = fitted.floor.mean.view({1, 3, pictures.size(2), pictures.size(3)});
  const double of_mean = psnr_db(mean.expand_as(pictures), pictures).mean().item<double>();
  file.settings["floor_images"] = fitted.pictures;
  file.results["mean_image_psnr_mean_db"] = of_mean;
  std::printf("mean of %lld training pictures: %.2f dB; their principal components, as many:",
              static_cast<long long>(fitted.pictures), of_mean);
  const auto floors = floors_of(fitted.floor, scores, pictures);
  for (std::size_t i = 0; i < floors.size(); ++i) {
    file.results["rows"][i]["pca_psnr_mean_db"] = floors[i];
    if (floors[i] == floors[i]) {
      std::printf(" %lld: %.2f dB", static_cast<long long>(scores.levels[i].numbers), floors[i]);
    }
  }
  std::printf("\n");
}

nlohmann::ordered_json rows_of(const HierarchicalScores& scores) {
  auto rows = nlohmann::ordered_json::array();
  for (const auto& level : scores.levels) {
    rows.push_back({{"up_to_side_px", level.side},
                    {"blocks", level.blocks},
                    {"numbers", level.numbers},
                    {"psnr_mean_db", level.psnr_db},
                    {"ssim_mean", level.ssim},
                    {"kl_nats", level.kl_nats},
                    {"units", level.units},
                    {"active_units", level.active_units}});
  }
  return rows;
}

void print(const HierarchicalScores& scores) {
  std::printf("%.3f bits per dimension\n", scores.bits_per_dimension);
  std::printf("%-10s %7s %8s %8s %6s %14s %16s\n", "maps up to", "blocks", "numbers", "PSNR dB",
              "SSIM", "its KL, nats", "its active units");
  for (const auto& level : scores.levels) {
    std::printf("%-10lld %7lld %8lld %8.2f %6.3f %14.1f %8lld of %lld\n",
                static_cast<long long>(level.side), static_cast<long long>(level.blocks),
                static_cast<long long>(level.numbers), level.psnr_db, level.ssim, level.kl_nats,
                static_cast<long long>(level.active_units), static_cast<long long>(level.units));
  }
}

at::Tensor figure_of(const at::Tensor& pictures, const HierarchicalScores& scores) {
  const auto few = std::min(kShown, pictures.size(0));
  const auto line = [&](const at::Tensor& row, const std::string& name) {
    return with_label(picture_grid(row, few), name);
  };
  std::vector<std::vector<at::Tensor>> sheet = {{line(pictures.narrow(0, 0, few), "pictures")}};
  for (const auto& level : scores.levels) {
    sheet.push_back({line(level.drawn, text("latents on maps of up to ", level.side, " x ",
                                            level.side, ", ", level.numbers, " numbers"))});
  }
  return sheet_of(sheet);
}

int evaluate(Options options) {
  if (options.model.empty()) options.model = shipped_file("hvae-flowers.safetensors");
  check(options);
  use_threads(options.common.threads);
  const auto stored = load_hierarchical_vae(options.model);
  const auto trained = trained_pictures(options, stored);
  const auto measured = measured_pictures(options, stored);
  const auto pictures =
      spread_over(measured, options.count, stored.model.architecture().image_size, options.workers);
  const auto scores =
      score_hierarchy(stored.model, pictures, kShown,
                      at::detail::createCPUGenerator(static_cast<std::uint64_t>(options.seed)));
  MetricsFile file{.experiment = "hierarchical-vae"};
  file.settings = {{"model", stored.file.filename().string()},
                   {"dataset", options.pictures.empty() ? described(stored.metadata, "dataset")
                                                        : "pictures of a folder"},
                   {"split", options.pictures.empty() ? options.split : ""},
                   {"list_hash", measured->list_hash()},
                   {"images", pictures.size(0)},
                   {"seed", options.seed}};
  file.results = {{"bits_per_dimension_mean", scores.bits_per_dimension},
                  {"psnr_mean_db", scores.levels.back().psnr_db},
                  {"ssim_mean", scores.levels.back().ssim},
                  {"block_kl_nats", scores.block_kl_nats},
                  {"rows", rows_of(scores)}};
  print(scores);
  if (trained) add_floors(file, options, scores, trained, *measured, pictures);
  write_experiment(options.common, file, kFigure, figure_of(pictures, scores));
  return 0;
}

}  // namespace

void add_evaluate_hierarchical_vae(Program& program) {
  const auto options = std::make_shared<Options>();
  auto& command = program.add(
      "hierarchical-vae",
      "Bits per dimension of held-out pictures, and what is left of them where the finer latents "
      "have their prior's means, beside the mean picture and principal components.",
      [options] { return evaluate(*options); });
  add_experiment_options(command, options->common, "hierarchical-vae");
  command.add_option("--model", options->model,
                     "run folder or .safetensors file; default: the shipped hvae-flowers");
  command.add_option("--data,--data-dir", options->data,
                     "folder of the data set that it was trained on");
  command.add_option("--split", options->split, "split to measure on: train, val or test")
      ->capture_default_str();
  command.add_option("--pictures", options->pictures,
                     "measure on the pictures of this folder instead; without --data no floors");
  command.add_option("--workers", options->workers, "threads that decode pictures")
      ->capture_default_str();
  command.add_option("--count", options->count, "pictures at most, spread over them")
      ->capture_default_str();
  command
      .add_option("--floor-pictures", options->floor_pictures,
                  "training pictures at most that the floors are fitted to")
      ->capture_default_str();
  command.add_option("--seed", options->seed, "of the latents and of the floors' pictures")
      ->capture_default_str();
  command.add_flag("--accept-changed-data", options->accept_changed_data,
                   "measure on other data than it was trained on");
}

}  // namespace neurosplat::apps
