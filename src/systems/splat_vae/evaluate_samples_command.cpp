#include "neurosplat/systems/splat_vae/commands.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "neurosplat/core/device.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/interrupt.h"
#include "neurosplat/core/log.h"
#include "neurosplat/core/text.h"
#include "neurosplat/data/picture_loader.h"
#include "neurosplat/evaluation/feature_spaces.h"
#include "neurosplat/evaluation/fitted_floor.h"
#include "neurosplat/evaluation/metrics_file.h"
#include "neurosplat/evaluation/sample_scores.h"
#include "neurosplat/io/image_file.h"
#include "neurosplat/io/outputs.h"
#include "neurosplat/metrics/feature_network.h"
#include "neurosplat/metrics/linear_floor.h"
#include "neurosplat/program/command_options.h"
#include "neurosplat/systems/splat_vae/data_set_options.h"
#include "neurosplat/systems/splat_vae/model_file.h"
#include "neurosplat/systems/splat_vae/model_options.h"

namespace neurosplat::apps {
namespace {

namespace fs = std::filesystem;

constexpr const char *kMetrics = "metrics.json", *kSheet = "samples.png";
constexpr std::int64_t kNeighbours = 3, kMostPictures = 65536;

struct Request {
  fs::path model, out = "./evaluation/samples";
  std::string device = "auto";
  DataSetOptions set;
  std::vector<std::string> real_splits;
  std::int64_t count = 1000, floor_limit = 4096, batch = 64;
  int workers = 4, threads = 0;
  bool overwrite = false;

  std::uint64_t seed() const { return static_cast<std::uint64_t>(set.seed); }
};

void check(const Request& request) {
  if (!has_data_set(request.set)) throw UsageError("expected --data DIR (with --split)");
  const auto fewest = fewest_samples(kNeighbours);
  if (request.count < fewest || request.count > kMostPictures) {
    throw UsageError(
        text("count: expected ", fewest, " to ", kMostPictures, " pictures, got ", request.count));
  }
  if (request.batch < 1 || request.workers < 1 || request.threads < 0 || request.set.seed < 0) {
    throw UsageError("batch and workers: expected at least 1; threads and seed at least 0");
  }
  if (request.floor_limit < 2) throw UsageError("floor-limit: expected at least 2");
}

void check_outputs(const Request& request) {
  Outputs outputs(request.overwrite);
  outputs.reads("model", request.model, kModelFileNames);
  outputs.reads("data", request.set.data);
  outputs.writes("out", request.out, {kMetrics, kSheet});
  outputs.check();
}

/// The pictures that all sets are measured against: training pictures, as everything here is fitted
/// to them and none is measured on them.
ChosenPictures real_pictures(const Request& request, const PictureRequest& measured,
                             const TrainedOn& trained) {
  auto splits = request.real_splits;
  if (splits.empty() && trained.dataset == request.set.dataset) splits = trained.splits;
  if (splits.empty()) splits = {"train"};
  auto split = request_of(request.set, splits);
  split.split_seed = measured.split_seed;
  return {open_pictures(split), split, request.set.data};
}

void check_enough(const Request& request, const char* option, const PictureSource& pictures) {
  if (pictures.size() >= request.count) return;
  throw UsageError(text("count: expected at most ", pictures.size(), ", the pictures of --", option,
                        ", got ", request.count, ": give fewer, or another --", option));
}

/// What is compared, and with what.
struct Material {
  OpenedSplit held_out;
  ChosenPictures real;
  std::int64_t real_measured = 0;                   ///< real pictures that are held out too
  std::int64_t floor_pictures = 0, components = 0;  ///< of PCA

  ChosenPictures measured(const Request& request) const {
    return {held_out.pictures, held_out.request, request.set.data};
  }
};

Material open_material(const Request& request, const TrainedOn& trained) {
  Material material{open_measured_split(request.set, trained), {}};
  material.real = real_pictures(request, material.held_out.request, trained);
  check_enough(request, "split", *material.held_out.pictures);
  check_enough(request, "real-splits", *material.real.pictures);
  material.real_measured = count_shared(*material.real.pictures, *material.held_out.pictures);
  if (material.real_measured > 0) {
    log::warn(text(material.real_measured, " of the ", material.held_out.pictures->size(),
                   " held-out pictures are among the real ones that they are measured against"));
  }
  return material;
}

std::shared_ptr<const PictureLoader> read(const Request& request,
                                          const std::shared_ptr<const PictureSource>& pictures,
                                          std::int64_t count, std::int64_t side) {
  const auto chosen = seeded_subset(pictures, count, request.seed());
  return std::make_shared<PictureLoader>(chosen, keep_all(*chosen, side, request.workers));
}

PictureRange pictures_of(std::shared_ptr<const PictureLoader> loader) {
  return [loader = std::move(loader)](std::int64_t first, std::int64_t count) {
    return to_unit_range(loader->pictures(first, count), at::Device(at::kCPU));
  };
}

PictureRange reconstructions_of(const SplatVae& model, PictureRange pictures) {
  return [model, pictures = std::move(pictures)](std::int64_t first, std::int64_t count) {
    return model.reconstruct(pictures(first, count).to(model.device())).to(at::kCPU);
  };
}

PictureRange decoded(const SplatVae& model, const at::Tensor& latents) {
  return [model, latents](std::int64_t first, std::int64_t count) {
    const auto some = latents.narrow(0, first, count).to(model.device());
    return model.draw(model.decode(some)).to(at::kCPU);
  };
}

/// Sets of every prior that the model has, of the same noise.
void add_priors(std::vector<SampleSet>& sets, const DescribedSplatVae& described,
                const at::Tensor& noise) {
  const auto& model = described.model;
  const auto lacks = [&](const char* row, const char* what) {
    log::info(text("no row ", row, ": ", described.file.string(), " keeps no ", what));
  };
  if (described.flow && described.prior) {
    const auto latents = with_flow(*described.flow, *described.prior, noise);
    sets.push_back({"flow_prior", decoded(model, latents)});
  } else {
    lacks("flow_prior", "flow");
  }
  if (described.prior) {
    sets.push_back({"fitted_prior", decoded(model, with_prior(*described.prior, noise))});
  } else {
    lacks("fitted_prior", "fitted prior");
  }
  sets.push_back({"normal_prior", decoded(model, noise)});
}

PictureRange drawn_linearly(LinearFloor floor, at::Tensor noise, std::int64_t side) {
  return [floor = std::move(floor), noise = std::move(noise), side](std::int64_t first,
                                                                    std::int64_t count) {
    return linear_samples(floor, noise.narrow(0, first, count)).view({count, 3, side, side});
  };
}

/// Everything but the features. Latents of all priors come from the same noise, so that these
/// rows differ by the prior alone.
SampleRequest samples_of(const Request& request, const DescribedSplatVae& described,
                         Material& material) {
  const auto& model = described.model;
  const auto& sizes = model.architecture();
  const auto real = read(request, material.real.pictures, request.count, sizes.image_size);
  const auto held_out = read(request, material.held_out.pictures, request.count, sizes.image_size);
  auto fitted = fit_floor({.pictures = material.real.pictures,
                           .limit = request.floor_limit,
                           .seed = request.seed(),
                           .side = sizes.image_size,
                           .components = sizes.latent,
                           .workers = request.workers},
                          *material.held_out.pictures);
  material.floor_pictures = fitted.pictures;
  material.components = fitted.floor.components.size(0);

  const auto generator = at::detail::createCPUGenerator(request.seed());
  const auto noise = at::randn({request.count, sizes.latent}, generator, at::kFloat);
  auto linear_noise = at::randn({request.count, material.components}, generator, at::kFloat);
  SampleRequest samples{
      .real = pictures_of(real),
      .sets = {{"held_out", pictures_of(held_out)},
               {"reconstruction", reconstructions_of(model, pictures_of(held_out))}},
      .features = nullptr,
      .count = std::min({request.count, real->size(), held_out->size()}),
      .neighbours = kNeighbours,
      .batch = request.batch};
  add_priors(samples.sets, described, noise);
  samples.sets.push_back(
      {"pca", drawn_linearly(std::move(fitted.floor), std::move(linear_noise), sizes.image_size)});
  return samples;
}

MetricsFile metrics_of(const Request& request, const DescribedSplatVae& described,
                       const Material& material, std::int64_t count, const SampleScores& scores) {
  const auto& sizes = described.model.architecture();
  MetricsFile file{.experiment = "samples"};
  file.settings = {{"model", request.model.string()},
                   {"image_size", sizes.image_size},
                   {"num_packets", sizes.packets},
                   {"latent", sizes.latent},
                   {"count", request.count},
                   {"neighbours", kNeighbours},
                   {"features", "EfficientNet-Lite0, 1280 means, of 224 pixels (bicubic)"},
                   {"floor_limit", request.floor_limit},
                   {"seed", request.set.seed},
                   {"device", described.model.device().str()}};
  const auto measured = material.measured(request);
  describe(file.settings, "", measured);
  file.settings["held_out"] = name_of(material.held_out.held_out);
  describe(file.settings, "real_", material.real);
  file.settings["prepared"] = preparation_of(measured, sizes.image_size);
  file.settings.update(settings_of_model(described));
  auto rows = nlohmann::ordered_json::array();
  for (const auto& set : scores.sets) {
    rows.push_back({{"set", set.name},
                    {"fd_lite0", set.frechet_distance},
                    {"precision", set.precision},
                    {"recall", set.recall}});
  }
  file.results = {{"images", count},
                  {"real_images_measured", material.real_measured},
                  {"floor_images", material.floor_pictures},
                  {"pca_components", material.components},
                  {"rows", std::move(rows)}};
  return file;
}

void print_table(std::int64_t count, const SampleScores& scores) {
  std::printf("%lld pictures of each set against as many training pictures\n",
              static_cast<long long>(count));
  std::printf("%-16s %10s %10s %10s\n", "set", "FD-Lite0", "precision", "recall");
  for (const auto& set : scores.sets) {
    std::printf("%-16s %10.2f %10.3f %10.3f\n", set.name.c_str(), set.frechet_distance,
                set.precision, set.recall);
  }
}

int evaluate(Request request) {
  check(request);
  feature_network_file();  // said at once where there is none
  if (request.model.empty()) request.model = shipped_model();
  check_outputs(request);
  use_threads(request.threads);
  const at::NoGradGuard no_gradient;
  const auto device = device_from_name(request.device);
  auto space = lite0_space(device);
  const auto described = load_described_splat_vae(request.model);
  const auto trained = trained_on(described);
  settle_data_set(request.set, trained);
  auto material = open_material(request, trained);
  described.model.to(device);
  auto samples = samples_of(request, described, material);
  samples.features = std::move(space.features);
  const auto scores = score_samples(samples);
  const InterruptGuard guard;  // files are all there or none: a signal waits for the last one
  std::error_code failure;
  fs::create_directories(request.out, failure);
  if (failure) throw Error(text(request.out.string(), ": cannot make it: ", failure.message()));
  write_png(request.out / kSheet, scores.sheet);
  write_metrics(request.out / kMetrics,
                metrics_of(request, described, material, samples.count, scores));
  print_table(samples.count, scores);
  std::printf("written: %s, %s in %s\n", kMetrics, kSheet, request.out.c_str());
  return InterruptGuard::exit_code();
}

}  // namespace

void add_evaluate_samples(Program& program) {
  const auto request = std::make_shared<Request>();
  auto& command = program.add("samples",
                              "Frechet distance, precision and recall of a splat VAE's samples, "
                              "beside held-out pictures and PCA.",
                              [request] { return evaluate(*request); });
  add_model_option(command, request->model);
  add_data_set_options(command, request->set);
  command
      .add_option("--real-splits", request->real_splits,
                  "splits of --data that all sets are measured against, and PCA is fitted to; "
                  "default: those that the model was trained on, else train")
      ->delimiter(',');
  command.add_option("--count", request->count, "pictures of each set, chosen and drawn by --seed")
      ->capture_default_str();
  command
      .add_option("--floor-limit", request->floor_limit,
                  "training pictures for PCA at most, chosen by --seed")
      ->capture_default_str();
  command.add_option("--out", request->out, "folder for the results")->capture_default_str();
  add_overwrite_option(command, request->overwrite);
  command.add_option("--batch", request->batch, "pictures at a time")->capture_default_str();
  command.add_option("--workers", request->workers, "threads that decode pictures")
      ->capture_default_str();
  command.add_option("--seed", request->set.seed, "seed of the choices above")
      ->capture_default_str();
  command.add_option("--device", request->device, "cpu, cuda or auto")->capture_default_str();
  command.add_option("--threads", request->threads, "CPU threads; 0: all cores")
      ->capture_default_str();
}

}  // namespace neurosplat::apps
