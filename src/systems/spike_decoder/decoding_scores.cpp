#include "systems/spike_decoder/decoding_scores.h"

#include <ATen/ATen.h>

#include "neurosplat/metrics/identification.h"
#include "neurosplat/metrics/picture_quality.h"

namespace neurosplat {
namespace {

using Json = nlohmann::ordered_json;

void put(Json& into, const std::string& key, const at::Tensor& values,
         const DecodingTarget& target) {
  const auto interval = bootstrap(values, target.group, target.resamples, target.seed);
  into[key] = interval.mean;
  into[key + "_low"] = interval.low;
  into[key + "_high"] = interval.high;
}

at::Tensor same(const at::Tensor& numbers) {
  return numbers.unsqueeze(0).eq(numbers.unsqueeze(1));
}

}  // namespace

nlohmann::ordered_json score_decoded(const DecodedPictures& decoded, const DecodingTarget& target) {
  Json scores = {{"row", decoded.name}};
  const auto flat = [](const at::Tensor& pictures) { return pictures.flatten(1); };
  const auto whole = correlations(flat(decoded.pictures), flat(target.pictures));
  // Beyond the mean picture: what all pictures share identifies none.
  const auto deviation =
      correlations(flat(decoded.pictures - target.means), flat(target.pictures - target.means));
  const auto candidates = same(target.fold);
  put(scores, "pixcorr_mean", whole.diagonal(), target);
  put(scores, "ssim_mean", ssim(decoded.pictures, target.pictures), target);
  put(scores, "two_way_pixels", two_way(whole, candidates), target);
  put(scores, "deviation_corr_mean", deviation.diagonal(), target);
  put(scores, "two_way_deviation", two_way(deviation, candidates), target);
  put(scores, "identification_top1", identified(deviation, candidates), target);
  scores["chance"] = chance_of(candidates);
  if (target.scene.defined()) {
    const auto frames = same(target.scene);
    put(scores, "frame_top1", identified(deviation, frames), target);
    scores["frame_chance"] = chance_of(frames);
  }
  if (decoded.latents.defined()) {
    put(scores, "two_way_latents",
        two_way(correlations(decoded.latents, decoded.target_latents), candidates), target);
  }
  if (target.features) {
    put(scores, "two_way_lite0",
        two_way(correlations(target.features(decoded.pictures), target.feature_rows), candidates),
        target);
  }
  scores["rsa"] = representational_similarity(flat(decoded.pictures - target.means),
                                              flat(target.pictures - target.means));
  scores["permutation_p"] =
      permutation_p(deviation, target.group, target.fold, target.shuffles, target.seed);
  return scores;
}

}  // namespace neurosplat
