#include "neurosplat/evaluation/sample_scores.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>

#include "neurosplat/core/error.h"
#include "neurosplat/core/progress.h"
#include "neurosplat/core/text.h"
#include "neurosplat/figure/drawing.h"
#include "neurosplat/figure/picture_grid.h"
#include "neurosplat/metrics/feature_statistics.h"

namespace neurosplat {
namespace {

void check(const SampleRequest& request) {
  if (request.neighbours < 1 || request.batch < 1 || request.shown < 1) {
    throw Error("expected at least 1 neighbour, 1 picture at a time and 1 to show: give more");
  }
  if (request.count >= fewest_samples(request.neighbours)) return;
  throw Error(text("expected at least ", fewest_samples(request.neighbours),
                   " pictures to compare sets by ", request.neighbours, " neighbours, got ",
                   request.count, ": give more"));
}

std::string described(const at::Tensor& tensor) {
  if (!tensor.defined()) return "nothing";
  return text(tensor.scalar_type(), " ", tensor.sizes());
}

at::Tensor pictures_of(const SampleSet& set, std::int64_t first, std::int64_t count) {
  auto pictures = set.pictures(first, count);
  if (pictures.defined() && pictures.is_floating_point() && pictures.dim() == 4 &&
      pictures.size(0) == count && pictures.size(1) == 3)
    return pictures;
  throw Error(text(set.name, ": expected pictures [", count, ", 3, S, S], floating-point, got ",
                   described(pictures), ": see what gives them"));
}

/// Of all pictures of a set, [count, D], a batch at a time.
at::Tensor features_of(const SampleRequest& request, const SampleSet& set, std::int64_t& done,
                       ProgressLine& progress) {
  std::vector<at::Tensor> parts;
  for (std::int64_t first = 0; first < request.count; first += request.batch) {
    const auto count = std::min(request.batch, request.count - first);
    auto features = request.features(pictures_of(set, first, count));
    if (!features.defined() || features.dim() != 2 || features.size(0) != count) {
      throw Error(text("expected features [", count, ", D], got ", described(features),
                       ": a row for each picture"));
    }
    parts.push_back(features.to(at::kCPU));
    progress.update(done += count, set.name);
  }
  return at::cat(parts);
}

/// Spread over the set: those of a data set are often in the order of their classes.
at::Tensor shown_row(const SampleRequest& request, const SampleSet& set, const std::string& label) {
  const auto shown = std::min(request.shown, request.count);
  std::vector<at::Tensor> pictures;
  for (std::int64_t k = 0; k < shown; ++k)
    pictures.push_back(pictures_of(set, k * request.count / shown, 1));
  return with_label(picture_grid(at::cat(pictures), shown), label);
}

std::string label_of(const SampleScore& score) {
  return text(score.name, ": Frechet distance ", fixed(score.frechet_distance, 1), ", precision ",
              fixed(score.precision, 2), ", recall ", fixed(score.recall, 2));
}

}  // namespace

SampleScores score_samples(const SampleRequest& request) {
  const at::NoGradGuard no_gradient;
  check(request);
  const SampleSet real{"real", request.real};
  const auto total = static_cast<std::int64_t>(request.sets.size() + 1) * request.count;
  ProgressLine progress("samples", "pictures", total);
  std::int64_t done = 0;
  const auto real_features = features_of(request, real, done, progress);
  std::vector<at::Tensor> rows = {shown_row(request, real, "real")};
  SampleScores scores;
  for (const auto& set : request.sets) {
    const auto features = features_of(request, set, done, progress);
    const auto manifolds = precision_recall(real_features, features, request.neighbours);
    scores.sets.push_back({set.name, frechet_distance(real_features, features), manifolds.precision,
                           manifolds.recall});
    rows.push_back(shown_row(request, set, label_of(scores.sets.back())));
  }
  scores.sheet = at::cat(rows, 1);
  return scores;
}

}  // namespace neurosplat
