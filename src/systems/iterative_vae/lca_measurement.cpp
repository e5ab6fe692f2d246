#include "neurosplat/systems/iterative_vae/lca_measurement.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>

#include "neurosplat/core/error.h"
#include "neurosplat/systems/iterative_vae/inference_scores.h"

namespace neurosplat {

LcaDictionarySettings LcaMeasurement::learning(std::int64_t patches_there) const {
  LcaDictionarySettings settings;
  constexpr std::int64_t kCoarser = 10;
  settings.inference.iterations /= kCoarser;
  settings.inference.tau /= static_cast<double>(kCoarser);
  settings.columns = columns;
  settings.epochs = epochs;
  settings.batch = std::clamp<std::int64_t>(patches_there, 1, settings.batch / kCoarser);
  const auto rises = static_cast<std::int64_t>(
      std::ceil((settings.inference.lambda - settings.first_lambda) / settings.lambda_step - 1e-9));
  settings.epochs_per_lambda =
      std::clamp<std::int64_t>(epochs / (rises + 1), 1, settings.epochs_per_lambda);
  return settings;
}

LcaScores measure_lca(const at::Tensor& dictionary, const at::Tensor& patches,
                      const LcaSettings& settings, std::int64_t block) {
  const at::NoGradGuard no_gradient;
  if (block < 1) throw UsageError("expected at least 1 patch at a time: give a larger block");
  LcaScores scores;
  const auto total = patches.size(0);
  for (std::int64_t first = 0; first < total; first += block) {
    const auto some = patches.narrow(0, first, std::min(block, total - first));
    const auto codes = lca_codes(dictionary, some, settings);
    const double share = static_cast<double>(some.size(0)) / static_cast<double>(total);
    scores.r2 += share * mean_r2(some, at::matmul(codes, dictionary.t()));
    scores.zeros += share * share_of_zeros(codes);
  }
  return scores;
}

}  // namespace neurosplat
