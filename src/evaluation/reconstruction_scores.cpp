#include "neurosplat/evaluation/reconstruction_scores.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <sstream>

#include "neurosplat/core/csv.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/progress.h"
#include "neurosplat/core/text.h"
#include "neurosplat/data/picture_loader.h"
#include "neurosplat/evaluation/fitted_floor.h"
#include "neurosplat/figure/picture_grid.h"
#include "neurosplat/io/atomic_file.h"
#include "neurosplat/metrics/linear_floor.h"
#include "neurosplat/metrics/picture_quality.h"

namespace neurosplat {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

LinearFloor floor_of(const PictureCoder& coder, const ReconstructionRequest& request,
                     ReconstructionScores::Floors& floors) {
  auto fitted = fit_floor({.pictures = request.floor_pictures,
                           .limit = request.floor_limit,
                           .seed = request.seed,
                           .side = coder.side,
                           .components = coder.components,
                           .workers = request.workers},
                          *request.pictures);
  floors.measured = fitted.measured;
  floors.pictures = fitted.pictures;
  floors.components = fitted.floor.components.size(0);
  return std::move(fitted.floor);
}

/// The versions of a batch that are compared with it.
struct Versions {
  at::Tensor reconstruction, sample, pca, mean_image, refined;
  double plain_ms = 0, refined_ms = 0;
};

double ms_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  const std::chrono::duration<double, std::milli> passed = std::chrono::steady_clock::now() - start;
  return passed.count();
}

Versions versions_of(const PictureCoder& coder, const std::optional<LinearFloor>& floor,
                     const at::Tensor& pictures, const at::Generator& noise) {
  Versions versions;
  versions.plain_ms = ms_of([&] { versions.reconstruction = coder.reconstruct(pictures); });
  if (coder.reconstruct_refined) {
    versions.refined_ms = ms_of([&] { versions.refined = coder.reconstruct_refined(pictures); });
  }
  versions.sample = coder.reconstruct_sample(pictures, noise);
  if (!floor) return versions;
  versions.pca = project(*floor, pictures);
  versions.mean_image =
      floor->mean.view({1, 3, pictures.size(2), pictures.size(3)}).expand_as(pictures);
  return versions;
}

/// PSNR of each picture as a list of doubles; NaN throughout without a version.
std::vector<double> psnr_list(const at::Tensor& version, const at::Tensor& pictures) {
  const auto count = static_cast<std::size_t>(pictures.size(0));
  if (!version.defined()) return std::vector<double>(count, kNone);
  const auto values = psnr_db(version, pictures).contiguous();
  const double* first = values.const_data_ptr<double>();
  return {first, first + count};
}

double mean_of(const std::vector<PictureScore>& scores, double PictureScore::*field) {
  double sum = 0;
  for (const auto& score : scores) sum += score.*field;
  return sum / static_cast<double>(scores.size());
}

/// Positions of the best, the median and the worst picture.
std::vector<std::int64_t> telling_pictures(const std::vector<PictureScore>& scores) {
  std::vector<std::int64_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
    return scores[static_cast<std::size_t>(a)].psnr_db >
           scores[static_cast<std::size_t>(b)].psnr_db;
  });
  return {order.front(), order[order.size() / 2], order.back()};
}

at::Tensor telling_sheet(const PictureCoder& coder, const std::optional<LinearFloor>& floor,
                         const PictureLoader& loader, const std::vector<PictureScore>& scores) {
  const auto pictures =
      to_unit_range(loader.pictures(telling_pictures(scores)), at::Device(at::kCPU));
  const auto versions = versions_of(coder, floor, pictures, at::detail::createCPUGenerator(0));
  std::vector<at::Tensor> columns = {pictures, versions.reconstruction};
  if (floor) columns.push_back(versions.pca);
  return picture_grid(at::stack(columns, 1).flatten(0, 1),
                      static_cast<std::int64_t>(columns.size()));
}

}  // namespace

ReconstructionScores evaluate_reconstruction(const PictureCoder& coder,
                                             const ReconstructionRequest& request) {
  const at::NoGradGuard no_gradient;
  ReconstructionScores scores;
  std::optional<LinearFloor> floor;
  if (request.floor_pictures) {
    scores.floors.emplace();
    floor = floor_of(coder, request, *scores.floors);
  }
  const PictureLoader loader(request.pictures,
                             keep_all(*request.pictures, coder.side, request.workers));
  if (loader.size() == 0) throw Error("expected at least one readable picture, found none");
  const auto noise = at::detail::createCPUGenerator(request.seed);
  ProgressLine progress("reconstruction", "images", loader.size());
  for (std::int64_t first = 0; first < loader.size(); first += request.batch) {
    const auto pictures =
        to_unit_range(loader.pictures(first, std::min(request.batch, loader.size() - first)),
                      at::Device(at::kCPU));
    const auto versions = versions_of(coder, floor, pictures, noise);
    const auto psnr = psnr_list(versions.reconstruction, pictures);
    const auto sample = psnr_list(versions.sample, pictures);
    const auto pca = psnr_list(versions.pca, pictures);
    const auto mean_image = psnr_list(versions.mean_image, pictures);
    const auto refined = psnr_list(versions.refined, pictures);
    scores.plain_ms += versions.plain_ms;
    scores.refined_ms += versions.refined_ms;
    const auto similarity = ssim(versions.reconstruction, pictures);
    for (std::size_t k = 0; k < psnr.size(); ++k) {
      const auto index = loader.usable()[static_cast<std::size_t>(first) + k];
      scores.pictures.push_back({request.pictures->name(index), psnr[k],
                                 similarity[static_cast<std::int64_t>(k)].item<double>(), sample[k],
                                 pca[k], mean_image[k], refined[k]});
    }
    progress.update(static_cast<std::int64_t>(scores.pictures.size()));
  }
  scores.psnr_mean_db = mean_of(scores.pictures, &PictureScore::psnr_db);
  scores.ssim_mean = mean_of(scores.pictures, &PictureScore::ssim);
  scores.sample_psnr_mean_db = mean_of(scores.pictures, &PictureScore::sample_psnr_db);
  scores.plain_ms /= static_cast<double>(scores.pictures.size());
  scores.refined_ms /= static_cast<double>(scores.pictures.size());
  if (coder.reconstruct_refined) {
    scores.refined_psnr_mean_db = mean_of(scores.pictures, &PictureScore::refined_psnr_db);
  }
  if (scores.floors) {
    scores.floors->pca_psnr_mean_db = mean_of(scores.pictures, &PictureScore::pca_psnr_db);
    scores.floors->mean_image_psnr_mean_db =
        mean_of(scores.pictures, &PictureScore::mean_image_psnr_db);
  }
  scores.sheet = telling_sheet(coder, floor, loader, scores.pictures);
  return scores;
}

void write_per_image_csv(const std::filesystem::path& path, const ReconstructionScores& scores) {
  std::ostringstream table;
  table << "file,psnr_db,ssim,sample_psnr_db,pca_psnr_db,mean_image_psnr_db,refined_psnr_db\n"
        << std::setprecision(7);
  const auto cell = [](double value) { return std::isnan(value) ? "" : text(value); };
  for (const auto& score : scores.pictures) {
    table << csv_field(score.name) << ',' << score.psnr_db << ',' << score.ssim << ','
          << score.sample_psnr_db << ',' << cell(score.pca_psnr_db) << ','
          << cell(score.mean_image_psnr_db) << ',' << cell(score.refined_psnr_db) << '\n';
  }
  write_file_atomically(path, table.str());
}

}  // namespace neurosplat
