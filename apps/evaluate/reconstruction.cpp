#include "evaluate/reconstruction.h"

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "common/outputs.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/interrupt.h"
#include "neurosplat/core/log.h"
#include "neurosplat/core/text.h"
#include "neurosplat/evaluation/reconstruction_scores.h"
#include "neurosplat/io/image_file.h"
#include "neurosplat/io/metrics_file.h"
#include "neurosplat/io/model_file.h"
#include "neurosplat/models/device.h"

namespace neurosplat::apps {
namespace {

namespace fs = std::filesystem;

struct Request {
  fs::path model, data, images, floor_images, out = "./evaluation";
  std::string dataset = "flowers", split = "test", device = "auto";
  std::vector<std::string> floor_splits = {"train", "val"};
  std::int64_t limit = 0, floor_limit = 4096, batch = 64, seed = 0;
  int workers = 4, threads = 0;
  bool overwrite = false;
};

constexpr int kInterrupted = 130;
constexpr const char *kMetrics = "metrics.json", *kTable = "per_image.csv",
                     *kSheet = "best_median_worst.png";

std::shared_ptr<const PictureSource> open_split(const Request& request,
                                                const std::vector<std::string>& splits) {
  return open_pictures({.kind = dataset_from_name(request.dataset),
                        .root = request.data,
                        .splits = splits,
                        .seed = static_cast<std::uint64_t>(request.seed)});
}

bool is_generated(const std::string& dataset) {
  return dataset == "smoke" || dataset == "synthetic";
}

std::shared_ptr<const PictureSource> measured_pictures(const Request& request) {
  std::shared_ptr<const PictureSource> pictures =
      request.images.empty() ? open_split(request, {request.split}) : open_folder(request.images);
  if (request.limit == 0) return pictures;
  return seeded_subset(std::move(pictures), request.limit,
                       static_cast<std::uint64_t>(request.seed));
}

/// Null, and a line that says why, where there are no training pictures to fit floors to.
std::shared_ptr<const PictureSource> floor_pictures(const Request& request) {
  if (!request.floor_images.empty()) return open_folder(request.floor_images);
  if (request.data.empty() && !is_generated(request.dataset)) {
    log::warn(
        "no floors: they are fitted to training pictures; name some with --data or "
        "--floor-images");
    return nullptr;
  }
  try {
    return open_split(request, request.floor_splits);
  } catch (const UsageError&) {
    throw;
  } catch (const Error& error) {
    log::warn(text("no floors: ", error.what()));
    return nullptr;
  }
}

void check(const Request& request) {
  if (request.images.empty() && request.data.empty() && !is_generated(request.dataset)) {
    throw UsageError("expected --data DIR (with --split) or --images DIR");
  }
  if (request.batch < 1 || request.workers < 1 || request.limit < 0 || request.threads < 0 ||
      request.seed < 0) {
    throw UsageError("batch and workers: expected at least 1; limit, threads and seed at least 0");
  }
  if (request.floor_limit < 2) throw UsageError("floor-limit: expected at least 2");
  for (const auto& split : request.floor_splits) {
    if (request.images.empty() && split == request.split) {
      log::warn(text("the floors are fitted to the split they are measured on (", split,
                     "): they are no held-out figures"));
    }
  }
}

MetricsFile metrics_of(const Request& request, const SplatVae& model,
                       const ReconstructionScores& scores) {
  const auto& sizes = model.architecture();
  MetricsFile file{.experiment = "reconstruction"};
  file.settings = {{"model", request.model.string()},
                   {"image_size", sizes.image_size},
                   {"num_packets", sizes.packets},
                   {"latent", sizes.latent},
                   {"pictures", request.images.empty() ? request.dataset : "folder"},
                   {"split", request.images.empty() ? request.split : "all"},
                   {"limit", request.limit},
                   {"seed", request.seed},
                   {"device", model.device().str()}};
  file.results = {
      {"images", scores.pictures.size()}, {"psnr_mean_db", scores.psnr_mean_db},
      {"ssim_mean", scores.ssim_mean},    {"sample_psnr_mean_db", scores.sample_psnr_mean_db},
      {"pca_psnr_mean_db", nullptr},      {"mean_image_psnr_mean_db", nullptr}};
  if (scores.floors) {
    file.results["pca_psnr_mean_db"] = scores.floors->pca_psnr_mean_db;
    file.results["mean_image_psnr_mean_db"] = scores.floors->mean_image_psnr_mean_db;
    file.results["floor_images"] = scores.floors->pictures;
    file.results["pca_components"] = scores.floors->components;
  }
  if (request.images.empty() && request.dataset == "flowers" && sizes.image_size == 128) {
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
  if (!scores.floors) return;
  std::printf(
      "floors from %lld training pictures: PCA with %lld components %.2f dB, mean image "
      "%.2f dB\n",
      static_cast<long long>(scores.floors->pictures),
      static_cast<long long>(scores.floors->components), scores.floors->pca_psnr_mean_db,
      scores.floors->mean_image_psnr_mean_db);
}

void check_outputs(const Request& request) {
  Outputs outputs(request.overwrite);
  outputs.reads("model", request.model, kModelFileNames);
  outputs.reads("data", request.data);
  outputs.reads("images", request.images);
  outputs.reads("floor-images", request.floor_images);
  outputs.writes("out", request.out, {kMetrics, kTable, kSheet});
  outputs.check();
}

int evaluate(const Request& request) {
  check(request);
  check_outputs(request);
  use_threads(request.threads);
  const auto model = load_splat_vae(request.model);
  model.to(device_from_name(request.device));
  const auto scores =
      evaluate_reconstruction(model, {.pictures = measured_pictures(request),
                                      .floor_pictures = floor_pictures(request),
                                      .floor_limit = request.floor_limit,
                                      .seed = static_cast<std::uint64_t>(request.seed),
                                      .workers = request.workers,
                                      .batch = request.batch});
  const InterruptGuard guard;  // files are all there or none: a signal waits for the last one
  std::error_code failure;
  fs::create_directories(request.out, failure);
  if (failure) throw Error(text(request.out.string(), ": cannot make it: ", failure.message()));
  write_per_image_csv(request.out / kTable, scores);
  write_png(request.out / kSheet, scores.sheet);
  write_metrics(request.out / kMetrics, metrics_of(request, model, scores));
  print_summary(scores);
  std::printf("written: %s, %s, %s in %s\n", kMetrics, kTable, kSheet, request.out.c_str());
  return InterruptGuard::raised() ? kInterrupted : 0;
}

}  // namespace

void add_evaluate_reconstruction(Program& program) {
  const auto request = std::make_shared<Request>();
  auto& command = program.add("reconstruction",
                              "PSNR and SSIM of a splat VAE's reconstructions, beside PCA and the "
                              "mean image.",
                              [request] { return evaluate(*request); });
  command
      .add_option("--model,--model-path", request->model,
                  "run folder, .safetensors file or PyTorch model.pt")
      ->required();
  command.add_option("--data,--data-dir", request->data, "folder of the data set");
  command
      .add_option("--dataset", request->dataset,
                  "flowers, celeba, cifar10, folder, smoke, synthetic")
      ->capture_default_str();
  command.add_option("--split", request->split, "split to measure on: train, val or test")
      ->capture_default_str();
  command.add_option("--images", request->images,
                     "folder of pictures to measure on instead of a split");
  command
      .add_option("--floor-splits", request->floor_splits,
                  "splits of --data that the floors are fitted to")
      ->delimiter(',')
      ->capture_default_str();
  command.add_option("--floor-images", request->floor_images,
                     "folder of training pictures to fit the floors to instead");
  command
      .add_option("--floor-limit", request->floor_limit,
                  "training pictures for the floors at most, chosen by --seed")
      ->capture_default_str();
  command
      .add_option("--limit", request->limit,
                  "pictures to measure on at most, chosen by --seed; 0: all")
      ->capture_default_str();
  command.add_option("--out", request->out, "folder for the results")->capture_default_str();
  add_overwrite_option(command, request->overwrite);
  command.add_option("--batch", request->batch, "pictures at a time")->capture_default_str();
  command.add_option("--workers", request->workers, "threads that decode pictures")
      ->capture_default_str();
  command.add_option("--seed", request->seed, "seed of the choices above")->capture_default_str();
  command.add_option("--device", request->device, "cpu, cuda or auto")->capture_default_str();
  command.add_option("--threads", request->threads, "CPU threads; 0: all cores")
      ->capture_default_str();
}

}  // namespace neurosplat::apps
