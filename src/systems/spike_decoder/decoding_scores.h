#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>

#include "neurosplat/evaluation/sample_scores.h"
#include "neurosplat/metrics/identification.h"

namespace neurosplat {

/// What decoded pictures are compared with. N pictures.
struct DecodingTarget {
  at::Tensor pictures;  ///< that were shown, float32 [N, 3, S, S]
  at::Tensor means;     ///< what each decoder knows without responses: its training pictures' mean
  at::Tensor group;     ///< int64 [N]: what is not independent; intervals resample whole ones
  at::Tensor fold;      ///< int64 [N]: the candidates are the pictures of one fold
  at::Tensor scene;     ///< int64 [N]: frames of one movie; undefined: none
  /// Of what was decoded among groups, for p; 0: p is DecodedPictures::permutation_p.
  std::int64_t shuffles = 0;
  std::int64_t resamples = 1000;
  std::uint64_t seed = 0;
  PictureFeatures features;      ///< of EfficientNet-Lite0; empty: left out
  at::Tensor feature_rows = {};  ///< of `pictures`
};

/// One way of decoding.
struct DecodedPictures {
  std::string name;
  at::Tensor pictures;             ///< float32 [N, 3, S, S]; undefined: only latents are told apart
  at::Tensor latents = {};         ///< decoded, [N, D]; undefined: none
  at::Tensor target_latents = {};  ///< of the pictures shown; both less what the decoder's mean is
  double permutation_p = std::numeric_limits<double>::quiet_NaN();  ///< NaN: none
};

/// Under `key`, `key`_low and `key`_high.
void put_interval(nlohmann::ordered_json& into, const std::string& key, const Interval& interval);

/// Flat, under the keys of docs/spike-decoding.md, "Measures": PixCorr, SSIM, two-way
/// identification in pixels, in their deviations from the mean picture, in latents and in Lite0's
/// features, top 1 of the fold and of the movie's frames with their chances, representational
/// similarity, permutation p.
nlohmann::ordered_json score_decoded(const DecodedPictures& decoded, const DecodingTarget& target);

}  // namespace neurosplat
