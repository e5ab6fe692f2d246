#include "neurosplat/evaluation/sample_scores.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>

#include "evaluation/sample_walk.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/progress.h"
#include "neurosplat/core/text.h"
#include "neurosplat/data/picture_loader.h"
#include "neurosplat/figure/drawing.h"
#include "neurosplat/figure/picture_grid.h"
#include "neurosplat/metrics/feature_statistics.h"

namespace neurosplat {
namespace {

std::string described(const at::Tensor& tensor) {
  if (!tensor.defined()) return "nothing";
  return text(tensor.scalar_type(), " ", tensor.sizes());
}

/// Of all pictures of a set, [count, D], a batch at a time.
at::Tensor all_features(const SampleRequest& request, const SampleSet& set, std::int64_t& done,
                        ProgressLine& progress) {
  std::vector<at::Tensor> parts;
  for (std::int64_t first = 0; first < request.count; first += request.batch) {
    const auto count = std::min(request.batch, request.count - first);
    parts.push_back(features_of(request.features, pictures_of(set, first, count)));
    progress.update(done += count, set.name);
  }
  return at::cat(parts);
}

std::string label_of(const SampleScore& score) {
  return text(score.name, ": Frechet distance ", fixed(score.frechet_distance, 1), ", precision ",
              fixed(score.precision, 2), ", recall ", fixed(score.recall, 2));
}

}  // namespace

void check_sample_counts(std::int64_t count, std::int64_t neighbours, std::int64_t batch,
                         std::int64_t shown) {
  if (neighbours < 1 || batch < 1 || shown < 1) {
    throw Error("expected at least 1 neighbour, 1 picture at a time and 1 to show: give more");
  }
  if (count >= fewest_samples(neighbours)) return;
  throw Error(text("expected at least ", fewest_samples(neighbours),
                   " pictures to compare sets by ", neighbours, " neighbours, got ", count,
                   ": give more"));
}

at::Tensor pictures_of(const SampleSet& set, std::int64_t first, std::int64_t count) {
  auto pictures = set.pictures(first, count);
  if (pictures.defined() && pictures.is_floating_point() && pictures.dim() == 4 &&
      pictures.size(0) == count && pictures.size(1) == 3)
    return pictures;
  throw Error(text(set.name, ": expected pictures [", count, ", 3, S, S], floating-point, got ",
                   described(pictures), ": see what gives them"));
}

at::Tensor in_unit_range(const at::Tensor& pictures) {
  return pictures.scalar_type() == at::kByte ? to_unit_range(pictures, at::Device(at::kCPU))
                                             : pictures.to(at::kCPU, at::kFloat);
}

at::Tensor features_of(const PictureFeatures& features, const at::Tensor& pictures) {
  const auto rows = features(pictures);
  if (!rows.defined() || rows.dim() != 2 || rows.size(0) != pictures.size(0)) {
    throw Error(text("expected features [", pictures.size(0), ", D], got ", described(rows),
                     ": a row for each picture"));
  }
  return rows.to(at::kCPU);
}

at::Tensor shown_row(const SampleSet& set, std::int64_t count, std::int64_t shown,
                     const std::string& label) {
  shown = std::min(shown, count);
  std::vector<at::Tensor> pictures;
  for (std::int64_t k = 0; k < shown; ++k)
    pictures.push_back(pictures_of(set, k * count / shown, 1));
  return with_label(picture_grid(at::cat(pictures), shown), label);
}

SampleScore score_of(const std::string& name, const at::Tensor& real, const at::Tensor& features,
                     std::int64_t neighbours) {
  const auto manifolds = precision_recall(real, features, neighbours);
  return {name, frechet_distance(real, features), manifolds.precision, manifolds.recall};
}

SampleScores score_samples(const SampleRequest& request) {
  const at::NoGradGuard no_gradient;
  check_sample_counts(request.count, request.neighbours, request.batch, request.shown);
  const SampleSet real{"real", request.real};
  const auto total = static_cast<std::int64_t>(request.sets.size() + 1) * request.count;
  ProgressLine progress("samples", "pictures", total);
  std::int64_t done = 0;
  const auto real_features = all_features(request, real, done, progress);
  std::vector<at::Tensor> rows = {shown_row(real, request.count, request.shown, "real")};
  SampleScores scores;
  for (const auto& set : request.sets) {
    const auto features = all_features(request, set, done, progress);
    scores.sets.push_back(score_of(set.name, real_features, features, request.neighbours));
    rows.push_back(shown_row(set, request.count, request.shown, label_of(scores.sets.back())));
  }
  scores.sheet = at::cat(rows, 1);
  return scores;
}

}  // namespace neurosplat
