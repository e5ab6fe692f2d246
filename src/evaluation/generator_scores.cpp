#include "neurosplat/evaluation/generator_scores.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <utility>

#include "evaluation/sample_walk.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/progress.h"
#include "neurosplat/core/text.h"
#include "neurosplat/figure/picture_grid.h"
#include "neurosplat/metrics/linear_floor.h"
#include "neurosplat/metrics/nearest_neighbours.h"
#include "neurosplat/metrics/seam_ratio.h"

namespace neurosplat {
namespace {

constexpr const char *kHeldOut = "held_out", *kPca = "pca";

std::string described(const at::Tensor& tensor) {
  return tensor.defined() ? text(tensor.scalar_type(), " ", tensor.sizes()) : "nothing";
}

void check_pictures(const char* name, const at::Tensor& pictures, std::int64_t count) {
  if (!pictures.defined() || pictures.dim() != 4 || pictures.size(1) != 3 ||
      pictures.size(2) != pictures.size(3) || pictures.size(3) < 1 || !pictures.is_cpu() ||
      !(pictures.is_floating_point() || pictures.scalar_type() == at::kByte)) {
    throw Error(text(name, ": expected pictures [M, 3, S, S], uint8 or floating-point, got ",
                     described(pictures), ": give colour pictures on the CPU"));
  }
  if (pictures.size(0) < count) {
    throw Error(text(name, ": expected at least ", count, " pictures, got ", pictures.size(0),
                     ": compare fewer"));
  }
}

template <typename List>
void check_names(const char* what, const List& list, std::set<std::string> taken) {
  for (const auto& each : list) {
    if (!taken.insert(each.name).second)
      throw Error(
          text("expected one ", what, " of a name, got two of '", each.name, "': name them"));
  }
}

void check(const GeneratorRequest& request) {
  check_sample_counts(request.count, request.neighbours, request.batch, request.shown);
  check_pictures("training pictures", request.training, request.count);
  check_pictures("held-out pictures", request.held_out, request.count);
  if (request.training.size(3) != request.held_out.size(3))
    throw Error(text("expected pictures of one size, got ", described(request.training), " and ",
                     described(request.held_out), ": scale them alike"));
  SeamRatio(request.tile).add(in_unit_range(request.held_out.slice(0, 0, 1)));
  if (request.spaces.empty()) throw Error("expected a feature space to compare in, got none");
  if (request.most_fitted < 2 || request.shown_neighbours < 1)
    throw UsageError("expected at least 2 pictures for PCA and 1 neighbour to show: give more");
  check_names("set", request.sets, {kHeldOut, kPca});
  check_names("feature space", request.spaces, {});
}

/// At most `count` pictures, in an order that the seed draws: a folder's is that of its names.
at::Tensor chosen(const at::Tensor& pictures, std::int64_t count, std::uint64_t seed) {
  const auto order = at::randperm(pictures.size(0), at::detail::createCPUGenerator(seed),
                                  at::TensorOptions(at::kLong));
  return pictures.index_select(0, order.slice(0, 0, std::min(count, pictures.size(0))));
}

PictureRange range_of(at::Tensor pictures) {
  return [pictures = std::move(pictures)](std::int64_t first, std::int64_t count) {
    return in_unit_range(pictures.narrow(0, first, count));
  };
}

/// The Gaussian's samples, and how many components it has.
std::pair<PictureRange, std::int64_t> pca_of(const GeneratorRequest& request) {
  const auto fitted_to = chosen(request.training, request.most_fitted, request.seed);
  auto floor = fit_linear_floor(fitted_to, fitted_to.size(0));
  const auto components = floor.components.size(0);
  auto noise = at::randn({request.count, components}, at::detail::createCPUGenerator(request.seed),
                         at::kFloat);
  const auto side = request.training.size(3);
  return {
      [floor = std::move(floor), noise = std::move(noise), side](std::int64_t first,
                                                                 std::int64_t count) {
        return linear_samples(floor, noise.narrow(0, first, count)).view({count, 3, side, side});
      },
      components};
}

/// What one walk over a set gives.
struct Walk {
  std::vector<at::Tensor> features;  ///< of each space, [count, D]
  std::int64_t faces = 0;
  SeamRatio seams;
  double nearest_rms_sum = 0;
};

class Walker {
 public:
  Walker(const GeneratorRequest& request, std::size_t sets)
      : request_(request),
        progress_("samples", "pictures", static_cast<std::int64_t>(sets) * request.count) {}

  std::vector<at::Tensor> features(const SampleSet& set) {
    std::vector<std::vector<at::Tensor>> parts(request_.spaces.size());
    each_batch(set, [&](const at::Tensor& pictures) { add_features(pictures, parts); });
    return joined(parts);
  }

  Walk everything(const SampleSet& set) {
    Walk walk{.features = {}, .seams = SeamRatio(request_.tile)};
    std::vector<std::vector<at::Tensor>> parts(request_.spaces.size());
    each_batch(set, [&](const at::Tensor& pictures) {
      add_features(pictures, parts);
      check_size(set, pictures);
      walk.seams.add(pictures);
      if (request_.has_face) walk.faces += faces_in(pictures);
      const auto nearest = nearest_neighbours(pictures, request_.training, 1).distances.sum();
      walk.nearest_rms_sum +=
          nearest.item<double>() / std::sqrt(static_cast<double>(pictures[0].numel()));
    });
    walk.features = joined(parts);
    return walk;
  }

 private:
  template <typename Function>
  void each_batch(const SampleSet& set, const Function& function) {
    for (std::int64_t first = 0; first < request_.count; first += request_.batch) {
      const auto count = std::min(request_.batch, request_.count - first);
      function(pictures_of(set, first, count));
      progress_.update(done_ += count, set.name);
    }
  }

  void add_features(const at::Tensor& pictures, std::vector<std::vector<at::Tensor>>& parts) {
    for (std::size_t space = 0; space < parts.size(); ++space)
      parts[space].push_back(features_of(request_.spaces[space].features, pictures));
  }

  static std::vector<at::Tensor> joined(const std::vector<std::vector<at::Tensor>>& parts) {
    std::vector<at::Tensor> features;
    for (const auto& space : parts) features.push_back(at::cat(space));
    return features;
  }

  void check_size(const SampleSet& set, const at::Tensor& pictures) const {
    if (pictures.sizes().slice(1) == request_.training.sizes().slice(1) && pictures.is_cpu())
      return;
    throw Error(text(set.name, ": expected pictures of ", request_.training.size(3),
                     " pixels on the CPU, got ", described(pictures), " on ", pictures.device(),
                     ": draw them as large as the training pictures"));
  }

  std::int64_t faces_in(const at::Tensor& pictures) const {
    const auto found = request_.has_face(pictures);
    if (!found.defined() || found.scalar_type() != at::kBool || found.dim() != 1 ||
        found.size(0) != pictures.size(0))
      throw Error(text("expected whether there is a face, Bool [", pictures.size(0), "], got ",
                       described(found), ": one answer for each picture"));
    return found.sum().item<std::int64_t>();
  }

  const GeneratorRequest& request_;
  ProgressLine progress_;
  std::int64_t done_ = 0;
};

GeneratorScore row_of(const GeneratorRequest& request, const std::string& name, const Walk& walk,
                      const std::vector<at::Tensor>& real) {
  const auto count = static_cast<double>(request.count);
  GeneratorScore row{.name = name,
                     .spaces = {},
                     .face_rate = request.has_face ? static_cast<double>(walk.faces) / count
                                                   : std::numeric_limits<double>::quiet_NaN(),
                     .seam_ratio = walk.seams.ratio(),
                     .nearest_rms = walk.nearest_rms_sum / count};
  for (std::size_t space = 0; space < real.size(); ++space)
    row.spaces.push_back(score_of(request.spaces[space].name, real[space], walk.features[space],
                                  request.neighbours));
  return row;
}

std::string label_of(const GeneratorScore& row) {
  const auto& first = row.spaces.front();
  return text(row.name, ": FD ", fixed(first.frechet_distance, 1), ", precision ",
              fixed(first.precision, 2), ", recall ", fixed(first.recall, 2),
              std::isnan(row.face_rate) ? "" : text(", faces ", fixed(row.face_rate, 2)),
              ", seams ", fixed(row.seam_ratio, 2));
}

at::Tensor neighbours_beside(const GeneratorRequest& request, const SampleSet& set) {
  const auto shown = std::min(request.shown, request.count);
  std::vector<at::Tensor> samples;
  for (std::int64_t k = 0; k < shown; ++k)
    samples.push_back(pictures_of(set, k * request.count / shown, 1));
  const auto pictures = at::cat(samples).to(at::kFloat);
  const auto kept = std::min(request.shown_neighbours, request.training.size(0));
  const auto nearest = nearest_neighbours(pictures, request.training, kept);
  const auto found = in_unit_range(request.training.index_select(0, nearest.indices.flatten()));
  return pictures_beside(pictures, found.unflatten(0, {shown, kept}), /*columns=*/2);
}

}  // namespace

GeneratorScores score_generators(const GeneratorRequest& request) {
  const at::NoGradGuard no_gradient;
  check(request);
  auto [drawn_linearly, components] = pca_of(request);
  const SampleSet real{"training", range_of(chosen(request.training, request.count, request.seed))};
  std::vector<SampleSet> sets = {
      {kHeldOut, range_of(chosen(request.held_out, request.count, request.seed))},
      {kPca, std::move(drawn_linearly)}};
  sets.insert(sets.end(), request.sets.begin(), request.sets.end());

  Walker walker(request, sets.size() + 1);
  const auto real_features = walker.features(real);
  std::vector<at::Tensor> sheet = {shown_row(real, request.count, request.shown, "training")};
  GeneratorScores scores{.rows = {},
                         .count = request.count,
                         .training = request.training.size(0),
                         .components = components,
                         .tile = request.tile,
                         .sheet = {},
                         .neighbour_sheet = {}};
  for (const auto& set : sets) {
    scores.rows.push_back(row_of(request, set.name, walker.everything(set), real_features));
    sheet.push_back(shown_row(set, request.count, request.shown, label_of(scores.rows.back())));
  }
  scores.sheet = at::cat(sheet, 1);
  if (!request.sets.empty()) scores.neighbour_sheet = neighbours_beside(request, request.sets[0]);
  return scores;
}

}  // namespace neurosplat
