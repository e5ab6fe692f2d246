#include "neurosplat/recordings/response_scores.h"

#include <ATen/ATen.h>

#include <limits>

#include "neurosplat/core/error.h"

namespace neurosplat {

MeanResponses mean_responses(const at::Tensor& counts) {
  if (counts.dim() != 3 || counts.numel() == 0) throw Error("expected counts [P, U, R]");
  const auto there = counts.ge(0);
  const auto repeats = there.sum(2);
  if (repeats.eq(0).any().item<bool>()) {
    throw Error("counts: expected a repeat of every picture for every unit, found none for one");
  }
  const auto number = repeats.to(at::kDouble);
  const auto values = at::where(there, counts.to(at::kDouble), at::zeros({1}, at::kDouble));
  const auto mean = values.sum(2) / number;
  const auto squares = ((values - mean.unsqueeze(2)) * there).square().sum(2);
  const auto variance = squares / (number - 1).clamp_min(1);
  return {mean, variance / number, repeats};
}

ResponseScores score_responses(const at::Tensor& foretold, const MeanResponses& responses) {
  const auto& mean = responses.mean;
  if (foretold.sizes() != mean.sizes()) throw Error("expected a foretold response for each mean");
  const auto x = foretold.to(at::kDouble);
  const auto centred = mean - mean.mean(0), varied = x - x.mean(0);
  const auto variance = centred.square().mean(0);
  const auto error = (x - mean).square().mean(0);
  const auto scale = (variance * varied.square().mean(0)).sqrt();
  const auto none = at::full_like(variance, std::numeric_limits<double>::quiet_NaN());
  ResponseScores scores;
  scores.correlation =
      at::where(scale > 1e-12, (centred * varied).mean(0) / scale, at::zeros_like(scale));
  scores.explained = at::where(variance > 0, 1 - error / variance, none);
  // The variance divided by P falls short of that of the pictures' population by 1/P.
  const auto pictures = static_cast<double>(mean.size(0));
  scores.power = variance - responses.noise.mean(0) * (pictures - 1) / pictures;
  scores.normalised = at::where(scores.power > 0, (variance - error) / scores.power, none);
  return scores;
}

double median_of_finite(const at::Tensor& values) {
  const auto there = values.masked_select(values.isfinite());
  return there.numel() == 0 ? std::numeric_limits<double>::quiet_NaN()
                            : at::quantile(there, 0.5).item<double>();
}

}  // namespace neurosplat
