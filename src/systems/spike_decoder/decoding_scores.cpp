#include "systems/spike_decoder/decoding_scores.h"

#include <ATen/ATen.h>

#include <cmath>

#include "neurosplat/metrics/identification.h"
#include "neurosplat/metrics/picture_quality.h"

namespace neurosplat {
namespace {

using Json = nlohmann::ordered_json;

void put(Json& into, const std::string& key, const at::Tensor& values,
         const DecodingTarget& target) {
  put_interval(into, key, bootstrap(values, target.group, target.resamples, target.seed));
}

/// What tells pictures apart beyond the mean one, which all share.
void put_deviations(Json& scores, const DecodedPictures& decoded, const DecodingTarget& target) {
  const auto own = (decoded.pictures - target.means).flatten(1);
  const auto shown = (target.pictures - target.means).flatten(1);
  if (own.abs().max().item<double>() == 0) return;
  const auto alike = correlations(own, shown);
  const auto candidates = candidates_within(target.fold);
  put(scores, "deviation_corr_mean", alike.diagonal(), target);
  put(scores, "two_way_deviation", two_way(alike, candidates), target);
  put(scores, "identification_top1", identified(alike, candidates), target);
  if (target.scene.defined()) {
    const auto frames = candidates_within(target.scene);
    put(scores, "frame_top1", identified(alike, frames), target);
    scores["frame_chance"] = chance_of(frames);
  }
  scores["rsa"] = representational_similarity(own, shown);
  if (target.shuffles > 0) {
    scores["permutation_p"] = group_permutation_p(alike, target.group, at::zeros_like(target.group),
                                                  target.shuffles, target.seed);
  }
}

void put_pictures(Json& scores, const DecodedPictures& decoded, const DecodingTarget& target) {
  const auto whole = correlations(decoded.pictures.flatten(1), target.pictures.flatten(1));
  const auto candidates = candidates_within(target.fold);
  put(scores, "pixcorr_mean", whole.diagonal(), target);
  put(scores, "ssim_mean", ssim(decoded.pictures, target.pictures), target);
  put(scores, "two_way_pixels", two_way(whole, candidates), target);
  put_deviations(scores, decoded, target);
  if (!target.features) return;
  put(scores, "two_way_lite0",
      two_way(correlations(target.features(decoded.pictures), target.feature_rows), candidates),
      target);
}

}  // namespace

void put_interval(nlohmann::ordered_json& into, const std::string& key, const Interval& interval) {
  into[key] = interval.mean;
  into[key + "_low"] = interval.low;
  into[key + "_high"] = interval.high;
}

nlohmann::ordered_json score_decoded(const DecodedPictures& decoded, const DecodingTarget& target) {
  Json scores = {{"row", decoded.name}};
  const auto candidates = candidates_within(target.fold);
  scores["chance"] = chance_of(candidates);
  if (decoded.pictures.defined()) put_pictures(scores, decoded, target);
  if (decoded.latents.defined()) {
    put(scores, "two_way_latents",
        two_way(correlations(decoded.latents, decoded.target_latents), candidates), target);
  }
  if (std::isfinite(decoded.permutation_p)) scores["permutation_p"] = decoded.permutation_p;
  return scores;
}

}  // namespace neurosplat
