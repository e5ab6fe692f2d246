#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "neurosplat/recordings/response_scores.h"

namespace neurosplat {

/// How responses are foretold from pictures: a name, and a row of features for each picture.
struct EncodingFeatures {
  std::string name;
  at::Tensor features;     ///< float [P, F]; undefined: the training pictures' mean response
  bool nonlinear = false;  ///< with a threshold and a power after the linear part (LN)
};

/// Grey pixels, `side` a side: what an LN model filters.
at::Tensor grey_pixels(const at::Tensor& pictures, std::int64_t side);

/// Every picture's responses as models foretell them that saw no picture of its movie: folds of
/// whole movies, a ridge fitted to each fold's other movies, its penalty chosen for each unit by
/// leaving one of these out. `fold` int64 [P]. float64 [P, U].
at::Tensor foretell(const EncodingFeatures& model, const at::Tensor& responses,
                    const at::Tensor& movie, const at::Tensor& fold);

/// Correlation of foretold and mean responses [P, U] within each fold, averaged over folds,
/// float64 [U]; 0 where a fold's are the same for all. Over folds at once, whoever foretells a
/// fold's training mean would be punished: it is low where the fold's own is high.
at::Tensor correlation_within(const at::Tensor& foretold, const MeanResponses& responses,
                              const at::Tensor& fold);

/// What a new encoding model is compared with: the training mean ("mean"), an LN model of 16 x 16
/// grey pixels ("ln"), energies of Gabors ("gabor"). Pictures uint8 [P, 3, H, W].
std::vector<EncodingFeatures> baseline_encodings(const at::Tensor& pictures);

/// What a model foretells, and how well.
struct Foretold {
  std::string model;
  at::Tensor responses;   ///< float64 [P, U]
  ResponseScores scores;  ///< correlations are correlation_within() the folds
};
Foretold foretell_scored(const EncodingFeatures& model, const MeanResponses& responses,
                         const at::Tensor& movie, const at::Tensor& fold);

}  // namespace neurosplat
