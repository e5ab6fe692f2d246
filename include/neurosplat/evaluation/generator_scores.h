#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "neurosplat/evaluation/feature_spaces.h"
#include "neurosplat/evaluation/sample_scores.h"

namespace neurosplat {

/// Samples of generators beside two rows that know none of them: real pictures that were held out
/// ("held_out", the floor) and samples of the Gaussian that has the training pictures' mean and
/// principal components ("pca"). Every row has `count` pictures.
struct GeneratorRequest {
  /// Pictures, uint8 or floating-point in [0, 1], [M, 3, S, S] on the CPU, that generators may have
  /// seen: `count` of them, chosen by `seed`, are what rows are measured against; PCA is fitted to
  /// all, or to `most_fitted` chosen likewise; neighbours are looked for among all.
  at::Tensor training;
  /// Pictures, of the same kind, that none has seen.
  at::Tensor held_out;
  std::vector<SampleSet> sets;       ///< of generators; the first gives the keys of results_of()
  std::vector<FeatureSpace> spaces;  ///< the first gives precision and recall there
  /// Pictures as above to bool [B]: whether a cat's face is found (CatFaceDetector). Empty: rates
  /// are NaN.
  std::function<at::Tensor(const at::Tensor& pictures)> has_face = nullptr;
  std::int64_t tile = 8;  ///< of seam_ratio(), pixels
  std::int64_t count = 1000;
  std::int64_t neighbours = 3;  ///< of precision_recall()
  std::int64_t most_fitted = 4096;
  std::uint64_t seed = 0;
  std::int64_t batch = 64;
  std::int64_t shown = 10;            ///< pictures of a row on the sheet, at most
  std::int64_t shown_neighbours = 4;  ///< of each sample on the sheet of neighbours
};

struct GeneratorScore {
  std::string name;
  std::vector<SampleScore> spaces;  ///< under the names of the spaces, in their order
  double face_rate;                 ///< share of pictures with a face, [0, 1]
  double seam_ratio;
  /// Mean over pictures of the root mean square difference from the nearest training picture, in
  /// shares of the grey range: one that repeats training pictures has less than held-out ones.
  double nearest_rms;
};

struct GeneratorScores {
  std::vector<GeneratorScore> rows;  ///< "held_out", "pca", then the sets in the request's order
  std::int64_t count = 0, training = 0, components = 0;  ///< pictures, pictures, of PCA
  std::int64_t tile = 0;
  /// A labelled row of pictures for training ones and for each row: float [3, H, W].
  at::Tensor sheet;
  /// Pictures of the first set, each with its nearest training pictures at its right; undefined
  /// where there is no set.
  at::Tensor neighbour_sheet;
};

/// Throws Error for fewer pictures than `count` or than fewest_samples(), when a set or a space
/// gives something else than was asked for, and for two of one name; UsageError for options.
GeneratorScores score_generators(const GeneratorRequest& request);

/// What metrics.json says of them. Of the first set (of "held_out" where there is none) and each
/// space SPACE: fd_SPACE, fd_SPACE_real_floor (of "held_out"), fd_SPACE_pca; in the first space
/// precision, recall and the same with _real; cat_face_rate, seam_ratio and nearest_rms, and the
/// same with _real. Under `rows` the same of every row.
nlohmann::ordered_json results_of(const GeneratorScores& scores);

/// A line for each row under a line of headings, each with its end.
std::string table_of(const GeneratorScores& scores);

}  // namespace neurosplat
