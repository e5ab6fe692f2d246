#include <ATen/ATen.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "neurosplat/core/device.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/interrupt.h"
#include "neurosplat/core/log.h"
#include "neurosplat/core/text.h"
#include "neurosplat/data/picture_loader.h"
#include "neurosplat/evaluation/fitted_floor.h"
#include "neurosplat/evaluation/metrics_file.h"
#include "neurosplat/io/atomic_file.h"
#include "neurosplat/io/image_file.h"
#include "neurosplat/io/outputs.h"
#include "neurosplat/metrics/picture_quality.h"
#include "neurosplat/program/command_options.h"
#include "neurosplat/systems/lock/commands.h"
#include "neurosplat/systems/lock/fidelity_budget.h"
#include "neurosplat/systems/splat_vae/measured_pictures.h"
#include "neurosplat/systems/splat_vae/model_file.h"
#include "neurosplat/systems/splat_vae/model_options.h"

namespace neurosplat::apps {
namespace {

namespace fs = std::filesystem;

struct Request {
  fs::path model, out = "./evaluation/budget";
  std::string device = "auto";
  MeasuredOptions measured;
  FidelityBudgetSettings budget;
  std::int64_t pictures = 100;
  int workers = 4, threads = 0;
  bool overwrite = false;
};

constexpr const char *kMetrics = "metrics.json", *kPictures = "per_picture.csv",
                     *kTable = "budget.md", *kFigure = "budget.png", *kSheet = "sheet.png";

/// Decoded pictures and what they are called.
struct Decoded {
  at::Tensor pictures;  ///< uint8 [K, 3, S, S]
  std::vector<std::string> names;
};

void check(const Request& request) {
  check(request.measured);
  check(request.budget);
  if (request.pictures < 1) {
    throw UsageError(text("pictures: expected at least 1, got ", request.pictures));
  }
  if (request.workers < 1 || request.threads < 0) {
    throw UsageError("workers: expected at least 1; threads at least 0");
  }
}

Decoded decoded(const Request& request, const std::shared_ptr<const PictureSource>& source,
                std::int64_t side) {
  const PictureLoader loader(source, keep_all(*source, side, request.workers));
  if (loader.size() == 0) throw Error("expected at least one readable picture, found none");
  Decoded some{.pictures = loader.pictures(0, loader.size()), .names = {}};
  for (const auto index : loader.usable()) some.names.push_back(source->name(index));
  return some;
}

std::shared_ptr<const PictureSource> chosen_of(const Request& request,
                                               const MeasuredPictures& measured) {
  if (measured.pictures->size() < request.pictures) {
    throw UsageError(text("pictures: expected ", request.pictures, " to measure on, found ",
                          measured.pictures->size(), ": ask for fewer"));
  }
  return seeded_subset(measured.pictures, request.pictures, request.measured.seed());
}

std::optional<FittedFloor> fitted_floor(const Request& request, const ChosenPictures& floors,
                                        const PictureSource& measured,
                                        const SplatVaeArchitecture& sizes) {
  if (!floors.pictures) return {};
  auto most = sizes.latent;
  for (const auto count : request.budget.components) most = std::max(most, count);
  return fit_floor({.pictures = floors.pictures,
                    .limit = request.measured.floor_limit,
                    .seed = request.measured.seed(),
                    .side = sizes.image_size,
                    .components = most,
                    .workers = request.workers},
                   measured);
}

/// Where the model's run or its card says it.
std::optional<KlCharge> charge_of(const DescribedSplatVae& described) {
  const auto config = training_config(described.file);
  if (!config) return {};
  return KlCharge{.loss = config->loss, .beta = config->beta};
}

nlohmann::ordered_json settings_of(const Request& request, const DescribedSplatVae& described,
                                   const MeasuredPictures& measured, const ChosenPictures& floors) {
  const auto& sizes = described.model.architecture();
  const auto& budget = request.budget;
  const bool folder = !request.measured.images.empty();
  nlohmann::ordered_json settings = {{"model", request.model.string()},
                                     {"image_size", sizes.image_size},
                                     {"num_packets", sizes.packets},
                                     {"latent", sizes.latent},
                                     {"decoder", name_of(sizes.decoder)},
                                     {"pictures", folder ? "folder" : request.measured.set.dataset},
                                     {"split", folder ? "all" : request.measured.set.split},
                                     {"pictures_asked", request.pictures},
                                     {"seed", request.measured.set.seed},
                                     {"refine", budget.refine},
                                     {"latent_steps", budget.latent_steps},
                                     {"latent_rate", budget.latent_rate},
                                     {"packet_steps", budget.packet_steps},
                                     {"packet_rate", budget.packet_rate},
                                     {"components", budget.components},
                                     {"batch", budget.batch},
                                     {"device", described.model.device().str()}};
  describe(settings, "", measured);
  settings["held_out"] = measured.held_out;
  settings["prepared"] = preparation_of(measured, sizes.image_size);
  settings["floor_limit"] = request.measured.floor_limit;
  describe(settings, "floor_", floors);
  settings["largest_psnr_db"] = kLargestPsnrDb;
  settings.update(settings_of_model(described));
  return settings;
}

nlohmann::ordered_json results_of(const FidelityBudget& budget,
                                  const std::optional<FittedFloor>& fitted,
                                  const std::optional<KlCharge>& charge) {
  nlohmann::ordered_json results = {{"images", budget.kl_nats.size()}};
  for (const auto& row : budget.rows) results[row.key + "_psnr_mean_db"] = row.psnr_mean_db;
  for (const auto& loss : losses_of(budget)) results["loss_" + loss.key + "_db"] = loss.db;
  results["kl_mean_nats"] = kl_mean_nats(budget);
  for (const char* key : {"kl_loss", "kl_beta", "kl_charge_db"}) results[key] = nullptr;
  if (charge) {
    results["kl_loss"] = charge->loss;
    results["kl_beta"] = charge->beta;
    results["kl_charge_db"] = kl_charge_db(budget, *charge);
  }
  for (const char* key : {"mean", "best_latent"}) {
    const auto count = pca_components_for(budget, budget.row(key).psnr_mean_db);
    auto& as_good = results[text("pca_components_as_good_as_", key)];
    if (count) as_good = *count;
  }
  results["pca_components_left_out"] = budget.left_out;
  results["floor_images"] = fitted ? fitted->pictures : 0;
  results["floor_images_measured"] = fitted ? fitted->measured : 0;
  auto rows = nlohmann::ordered_json::array();
  for (const auto& row : budget.rows) {
    rows.push_back({{"row", row.key},
                    {"name", row.name},
                    {"numbers", row.numbers},
                    {"psnr_mean_db", row.psnr_mean_db}});
  }
  results["rows"] = std::move(rows);
  return results;
}

void check_outputs(const Request& request) {
  Outputs outputs(request.overwrite);
  outputs.reads("model", request.model, kModelFileNames);
  outputs.reads("data", request.measured.set.data);
  outputs.reads("images", request.measured.images);
  outputs.reads("floor-images", request.measured.floor_images);
  outputs.writes("out", request.out, {kMetrics, kPictures, kTable, kFigure, kSheet});
  outputs.check();
}

/// A line on what was asked for and is not there.
void say_what_is_left_out(const FidelityBudget& budget, const std::optional<FittedFloor>& fitted) {
  if (!fitted || budget.left_out.empty()) return;
  std::string list;
  for (const auto count : budget.left_out) list += (list.empty() ? "" : ", ") + text(count);
  log::warn(text("PCA with ", list, " components is left out: ", fitted->pictures,
                 " floor pictures give ", fitted->floor.components.size(0)));
}

int evaluate(Request request) {
  check(request);
  if (request.model.empty()) request.model = shipped_model();
  check_outputs(request);
  use_threads(request.threads);
  const auto described = load_described_splat_vae(request.model);
  const auto trained = trained_on(described);
  const auto& sizes = described.model.architecture();
  settle_data_set(request.measured.set, trained);
  const auto measured = open_measured(request.measured, trained);
  const auto chosen = chosen_of(request, measured);
  const auto floors = open_floors(request.measured, measured, trained);
  described.model.to(device_from_name(request.device));
  request.budget.seed = request.measured.seed();
  const auto fitted = fitted_floor(request, floors, *chosen, sizes);
  const auto some = decoded(request, chosen, sizes.image_size);
  const auto budget =
      measure_fidelity_budget(described.model, some.pictures,
                              fitted ? std::optional(fitted->floor) : std::nullopt, request.budget);
  say_what_is_left_out(budget, fitted);
  const auto charge = charge_of(described);
  const auto table = budget_table(budget, charge);
  MetricsFile metrics{.experiment = "budget"};
  metrics.settings = settings_of(request, described, measured, floors);
  metrics.results = results_of(budget, fitted, charge);
  const InterruptGuard guard;  // files are all there or none: a signal waits for the last one
  std::error_code failure;
  fs::create_directories(request.out, failure);
  if (failure) throw Error(text(request.out.string(), ": cannot make it: ", failure.message()));
  write_budget_csv(request.out / kPictures, budget, some.names);
  write_file_atomically(request.out / kTable, table);
  write_png(request.out / kFigure, budget_figure(budget));
  write_png(request.out / kSheet, budget_sheet(budget));
  write_metrics(request.out / kMetrics, metrics);
  std::printf("%swritten: %s, %s, %s, %s, %s in %s\n", table.c_str(), kMetrics, kPictures, kTable,
              kFigure, kSheet, request.out.c_str());
  return InterruptGuard::exit_code();
}

void add_descent_options(CLI::App& command, FidelityBudgetSettings& budget) {
  command
      .add_option("--latent-steps", budget.latent_steps,
                  "steps of Adam on each picture's latent, from the refined one, for the best "
                  "latent")
      ->capture_default_str();
  command
      .add_option("--latent-rate", budget.latent_rate,
                  "its first step's length, in units of the latent; falls to 0 as a half cosine")
      ->capture_default_str();
  command
      .add_option("--packet-steps", budget.packet_steps,
                  "steps of descent on each picture's packets, for the best packets and those "
                  "placed, then moved")
      ->capture_default_str();
  command
      .add_option("--packet-rate", budget.packet_rate,
                  "first step's length of the best packets, in their raw numbers; falls to 0 as a "
                  "half cosine")
      ->capture_default_str();
  command
      .add_option("--components", budget.components,
                  "PCA with so many components; that of the latent's number is added")
      ->delimiter(',')
      ->capture_default_str();
}

}  // namespace

void add_evaluate_budget(Program& program) {
  const auto request = std::make_shared<Request>();
  auto& command = program.add("budget",
                              "Where a splat VAE loses its decibels: encoder, decoder, packets, KL "
                              "and the number of latents, each against the best there is for it.",
                              [request] { return evaluate(*request); });
  add_model_option(command, request->model);
  add_refine_option(command, request->budget.refine);
  add_measured_options(command, request->measured);
  command
      .add_option("--pictures", request->pictures,
                  "pictures to measure on, chosen by --seed among all of them")
      ->capture_default_str();
  add_descent_options(command, request->budget);
  command
      .add_option("--examples", request->budget.examples, "pictures of sheet.png, evenly spread")
      ->capture_default_str();
  command.add_option("--out", request->out, "folder for the results")->capture_default_str();
  add_overwrite_option(command, request->overwrite);
  command.add_option("--batch", request->budget.batch, "pictures at a time")->capture_default_str();
  command.add_option("--workers", request->workers, "threads that decode pictures")
      ->capture_default_str();
  command
      .add_option("--seed", request->measured.set.seed,
                  "seed of the choices above and of the posterior samples")
      ->capture_default_str();
  command.add_option("--device", request->device, "cpu, cuda or auto")->capture_default_str();
  command.add_option("--threads", request->threads, "CPU threads; 0: all cores")
      ->capture_default_str();
}

}  // namespace neurosplat::apps
