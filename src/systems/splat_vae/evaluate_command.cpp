#include "neurosplat/systems/splat_vae/commands.h"

#include <ATen/ATen.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "neurosplat/core/device.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/interrupt.h"
#include "neurosplat/core/text.h"
#include "neurosplat/evaluation/metrics_file.h"
#include "neurosplat/evaluation/reconstruction_scores.h"
#include "neurosplat/io/image_file.h"
#include "neurosplat/io/outputs.h"
#include "neurosplat/metrics/picture_quality.h"
#include "neurosplat/program/command_options.h"
#include "neurosplat/systems/splat_vae/measured_pictures.h"
#include "neurosplat/systems/splat_vae/model_file.h"
#include "neurosplat/systems/splat_vae/model_options.h"

namespace neurosplat::apps {
namespace {

namespace fs = std::filesystem;

struct Request {
  fs::path model, out = "./evaluation";
  std::string device = "auto";
  MeasuredOptions measured;
  std::int64_t refine = 0, limit = 0, batch = 64;
  int workers = 4, threads = 0;
  bool overwrite = false;
};

constexpr const char *kMetrics = "metrics.json", *kTable = "per_image.csv",
                     *kSheet = "best_median_worst.png";

void check(const Request& request) {
  check(request.measured);
  if (request.batch < 1 || request.workers < 1 || request.limit < 0 || request.threads < 0) {
    throw UsageError("batch and workers: expected at least 1; limit and threads at least 0");
  }
}

nlohmann::ordered_json settings_of(const Request& request, const DescribedSplatVae& described,
                                   const MeasuredPictures& measured, const ChosenPictures& floors) {
  const auto& sizes = described.model.architecture();
  const bool folder = !request.measured.images.empty();
  nlohmann::ordered_json settings = {{"model", request.model.string()},
                                     {"image_size", sizes.image_size},
                                     {"num_packets", sizes.packets},
                                     {"latent", sizes.latent},
                                     {"pictures", folder ? "folder" : request.measured.set.dataset},
                                     {"split", folder ? "all" : request.measured.set.split},
                                     {"limit", request.limit},
                                     {"refine", request.refine},
                                     {"seed", request.measured.set.seed},
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

nlohmann::ordered_json results_of(const ReconstructionScores& scores,
                                  const MeasuredPictures& measured) {
  nlohmann::ordered_json results = {
      {"images", scores.pictures.size()}, {"psnr_mean_db", scores.psnr_mean_db},
      {"ssim_mean", scores.ssim_mean},    {"sample_psnr_mean_db", scores.sample_psnr_mean_db},
      {"pca_psnr_mean_db", nullptr},      {"mean_image_psnr_mean_db", nullptr},
      {"trained_on_images", nullptr},     {"refined_psnr_mean_db", nullptr}};
  if (scores.refined_psnr_mean_db) {
    results["refined_psnr_mean_db"] = *scores.refined_psnr_mean_db;
    results["refined_ms_per_image"] = scores.refined_ms;
    results["encoder_ms_per_image"] = scores.plain_ms;
  }
  if (measured.trained_on) results["trained_on_images"] = *measured.trained_on;
  if (scores.floors) {
    results["pca_psnr_mean_db"] = scores.floors->pca_psnr_mean_db;
    results["mean_image_psnr_mean_db"] = scores.floors->mean_image_psnr_mean_db;
    results["floor_images"] = scores.floors->pictures;
    results["pca_components"] = scores.floors->components;
    results["floor_images_measured"] = scores.floors->measured;
  }
  return results;
}

MetricsFile metrics_of(const Request& request, const DescribedSplatVae& described,
                       const MeasuredPictures& measured, const ChosenPictures& floors,
                       const ReconstructionScores& scores) {
  MetricsFile file{.experiment = "reconstruction"};
  file.settings = settings_of(request, described, measured, floors);
  file.results = results_of(scores, measured);
  if (request.measured.images.empty() && request.measured.set.dataset == "flowers" &&
      described.model.architecture().image_size == 128) {
    file.reference = {{"images", 32},
                      {"psnr_mean_db", 15.07},
                      {"source",
                       "read off the published recon_200.png: training flowers, after "
                       "200 epochs on all splits; not held out"}};
  }
  return file;
}

void print_summary(const ReconstructionScores& scores) {
  std::printf("%zu pictures: PSNR %.2f dB, SSIM %.4f (through a posterior sample %.2f dB)\n",
              scores.pictures.size(), scores.psnr_mean_db, scores.ssim_mean,
              scores.sample_psnr_mean_db);
  if (scores.refined_psnr_mean_db) {
    std::printf("refined: PSNR %.2f dB in %.2f ms a picture, the encoder alone %.2f ms\n",
                *scores.refined_psnr_mean_db, scores.refined_ms, scores.plain_ms);
  }
  if (!scores.floors) return;
  std::printf(
      "floors from %lld training pictures: PCA with %lld components %.2f dB, mean image "
      "%.2f dB\n",
      static_cast<long long>(scores.floors->pictures),
      static_cast<long long>(scores.floors->components), scores.floors->pca_psnr_mean_db,
      scores.floors->mean_image_psnr_mean_db);
}

/// The model as evaluation sees it: in evaluation mode, on its own device.
PictureCoder coder_of(const SplatVae& model, std::int64_t refine) {
  model.train(false);
  const auto& sizes = model.architecture();
  PictureCoder coder{
      .side = sizes.image_size,
      .components = sizes.latent,
      .reconstruct =
          [model](const at::Tensor& pictures) {
            return model.reconstruct(pictures.to(model.device())).to(at::kCPU);
          },
      .reconstruct_sample =
          [model](const at::Tensor& pictures, const at::Generator& generator) {
            return model.reconstruct_sample(pictures.to(model.device()), generator).to(at::kCPU);
          }};
  if (refine == 0) return coder;
  coder.reconstruct_refined = [refined = model.refining(refine)](const at::Tensor& pictures) {
    return refined.reconstruct(pictures.to(refined.device())).to(at::kCPU);
  };
  return coder;
}

void check_outputs(const Request& request) {
  Outputs outputs(request.overwrite);
  outputs.reads("model", request.model, kModelFileNames);
  outputs.reads("data", request.measured.set.data);
  outputs.reads("images", request.measured.images);
  outputs.reads("floor-images", request.measured.floor_images);
  outputs.writes("out", request.out, {kMetrics, kTable, kSheet});
  outputs.check();
}

int evaluate(Request request) {
  check(request);
  if (request.model.empty()) request.model = shipped_model();
  check_outputs(request);
  use_threads(request.threads);
  const auto described = load_described_splat_vae(request.model);
  const auto trained = trained_on(described);
  settle_data_set(request.measured.set, trained);
  const auto measured = open_measured(request.measured, trained);
  const auto floors = open_floors(request.measured, measured, trained);
  described.model.to(device_from_name(request.device));
  auto pictures = measured.pictures;
  if (request.limit > 0) pictures = seeded_subset(pictures, request.limit, request.measured.seed());
  const auto scores = evaluate_reconstruction(coder_of(described.model, request.refine),
                                              {.pictures = pictures,
                                               .floor_pictures = floors.pictures,
                                               .floor_limit = request.measured.floor_limit,
                                               .seed = request.measured.seed(),
                                               .workers = request.workers,
                                               .batch = request.batch});
  const InterruptGuard guard;  // files are all there or none: a signal waits for the last one
  std::error_code failure;
  fs::create_directories(request.out, failure);
  if (failure) throw Error(text(request.out.string(), ": cannot make it: ", failure.message()));
  write_per_image_csv(request.out / kTable, scores);
  write_png(request.out / kSheet, scores.sheet);
  write_metrics(request.out / kMetrics, metrics_of(request, described, measured, floors, scores));
  print_summary(scores);
  std::printf("written: %s, %s, %s in %s\n", kMetrics, kTable, kSheet, request.out.c_str());
  return InterruptGuard::exit_code();
}

}  // namespace

void add_evaluate_reconstruction(Program& program) {
  const auto request = std::make_shared<Request>();
  auto& command = program.add("reconstruction",
                              "PSNR and SSIM of a splat VAE's reconstructions, beside PCA and the "
                              "mean image.",
                              [request] { return evaluate(*request); });
  add_model_option(command, request->model);
  add_refine_option(command, request->refine);
  add_measured_options(command, request->measured);
  command
      .add_option("--limit", request->limit,
                  "pictures to measure on at most, chosen by --seed; 0: all")
      ->capture_default_str();
  command.add_option("--out", request->out, "folder for the results")->capture_default_str();
  add_overwrite_option(command, request->overwrite);
  command.add_option("--batch", request->batch, "pictures at a time")->capture_default_str();
  command.add_option("--workers", request->workers, "threads that decode pictures")
      ->capture_default_str();
  command.add_option("--seed", request->measured.set.seed, "seed of the choices above")
      ->capture_default_str();
  command.add_option("--device", request->device, "cpu, cuda or auto")->capture_default_str();
  command.add_option("--threads", request->threads, "CPU threads; 0: all cores")
      ->capture_default_str();
}

}  // namespace neurosplat::apps
