#include "neurosplat/recordings/encoding_model.h"

#include <ATen/ATen.h>

#include "neurosplat/recordings/gabor_bank.h"
#include "neurosplat/regression/ridge.h"
#include "neurosplat/regression/threshold_power.h"

namespace neurosplat {
namespace {

at::Tensor foretell_fold(const EncodingFeatures& model, const at::Tensor& responses,
                         const at::Tensor& movie, const at::Tensor& kept, const at::Tensor& asked) {
  const auto y = responses.index_select(0, kept);
  if (!model.features.defined()) return y.mean(0).expand({asked.numel(), y.size(1)});
  const auto fit = fit_ridge(model.features.index_select(0, kept), y, movie.index_select(0, kept),
                             penalties_between(1e-2, 1e5, 15));
  const auto linear = fit.predict(model.features.index_select(0, asked));
  if (!model.nonlinear) return linear;
  // Fitted to what is foretold of movies left out: the linear part follows its own rows too
  // closely.
  return fit_threshold_power(fit.left_out, y)(linear);
}

}  // namespace

at::Tensor grey_pixels(const at::Tensor& pictures, std::int64_t side) {
  const auto grey = pictures.to(at::kFloat).div(255).mean(1, /*keepdim=*/true);
  return at::adaptive_avg_pool2d(grey, {side, side}).flatten(1);
}

at::Tensor foretell(const EncodingFeatures& model, const at::Tensor& responses,
                    const at::Tensor& movie, const at::Tensor& fold) {
  auto foretold = at::empty_like(responses, at::kDouble);
  for (std::int64_t number = 0; number <= fold.max().item<std::int64_t>(); ++number) {
    const auto asked = fold.eq(number).nonzero().flatten();
    const auto kept = fold.ne(number).nonzero().flatten();
    foretold.index_copy_(0, asked,
                         foretell_fold(model, responses, movie, kept, asked).to(at::kDouble));
  }
  return foretold;
}

at::Tensor correlation_within(const at::Tensor& foretold, const MeanResponses& responses,
                              const at::Tensor& fold) {
  const auto folds = fold.max().item<std::int64_t>() + 1;
  auto sum = at::zeros({foretold.size(1)}, at::kDouble);
  for (std::int64_t number = 0; number < folds; ++number) {
    const auto rows = fold.eq(number).nonzero().flatten();
    const MeanResponses own{responses.mean.index_select(0, rows),
                            responses.noise.index_select(0, rows),
                            responses.repeats.index_select(0, rows)};
    sum += score_responses(foretold.index_select(0, rows), own).correlation;
  }
  return sum / static_cast<double>(folds);
}

std::vector<EncodingFeatures> baseline_encodings(const at::Tensor& pictures) {
  constexpr std::int64_t kPixels = 16;
  return {{"mean", {}},
          {"ln", grey_pixels(pictures, kPixels), /*nonlinear=*/true},
          {"gabor", GaborBank().energies(pictures)}};
}

Foretold foretell_scored(const EncodingFeatures& model, const MeanResponses& responses,
                         const at::Tensor& movie, const at::Tensor& fold) {
  Foretold foretold{model.name, foretell(model, responses.mean, movie, fold), {}};
  foretold.scores = score_responses(foretold.responses, responses);
  foretold.scores.correlation = correlation_within(foretold.responses, responses, fold);
  return foretold;
}

}  // namespace neurosplat
