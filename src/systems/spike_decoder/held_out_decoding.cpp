#include "neurosplat/systems/spike_decoder/held_out_decoding.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <vector>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/recordings/encoding_model.h"
#include "neurosplat/recordings/folds.h"

namespace neurosplat {
namespace {

constexpr std::int64_t kInvertedSide = 16;
constexpr double kShrinkage = 0.1, kPublishedPenalty = 1e5;

at::Tensor rows_where(const at::Tensor& condition) {
  return condition.nonzero().flatten();
}

/// What the inverse of an encoder knows of its training pictures and responses.
struct Inverse {
  at::Tensor mean_pixels, mean_response, gain;  // [F], [U], [F, U]

  Inverse(const at::Tensor& pixels, const at::Tensor& responses, const at::Tensor& group) {
    const auto fit = fit_ridge(pixels, responses, group, penalties_between(1e-2, 1e5, 15));
    const auto encoder = fit.weights / fit.deviation.unsqueeze(1);
    mean_pixels = fit.mean;
    mean_response = fit.offset;
    const auto centred = pixels.to(at::kDouble) - fit.mean;
    const auto covariance = at::mm(centred.t(), centred) / static_cast<double>(pixels.size(0));
    const auto prior = (1 - kShrinkage) * covariance + kShrinkage * at::diag(covariance.diagonal());
    const auto noise = (fit.left_out - responses).square().mean(0).clamp_min(1e-9);
    const auto spread = at::mm(prior, encoder);
    gain = at::linalg_solve(at::mm(encoder.t(), spread) + at::diag(noise), spread.t()).t();
  }

  at::Tensor operator()(const at::Tensor& responses) const {
    return mean_pixels + at::mm(responses - mean_response, gain.t());
  }
};

}  // namespace

HeldOut hold_out(const at::Tensor& group, std::uint64_t seed) {
  const auto [groups, place] = at::_unique(group, /*sorted=*/true, /*return_inverse=*/true);
  const auto folds = folds_of(groups.size(0), seed);
  return {group, at::tensor(folds, at::kLong).index_select(0, place)};
}

at::Tensor for_each_fold(const HeldOut& held_out, const FoldDecoder& decode) {
  at::Tensor all;
  for (std::int64_t fold = 0; fold < kFolds; ++fold) {
    const auto test = rows_where(held_out.fold.eq(fold));
    const auto decoded = decode(rows_where(held_out.fold.ne(fold)), test);
    if (!all.defined()) {
      auto sizes = decoded.sizes().vec();
      sizes[0] = held_out.fold.size(0);
      all = at::empty(sizes, decoded.options());
    }
    all.index_copy_(0, test, decoded);
  }
  return all;
}

at::Tensor decode_latents(const at::Tensor& responses, const at::Tensor& latents,
                          const at::Tensor& latent_group, const HeldOut& held_out,
                          const DecoderChoices& choices) {
  return for_each_fold(held_out, [&](const at::Tensor& train, const at::Tensor& test) {
    const SpikeDecoder decoder(responses.index_select(0, train), latents.index_select(0, train),
                               held_out.group.index_select(0, train), latent_group, choices);
    return decoder(responses.index_select(0, test));
  });
}

at::Tensor training_means(const at::Tensor& rows, const HeldOut& held_out) {
  return for_each_fold(held_out, [&](const at::Tensor& train, const at::Tensor& test) {
    const auto mean = rows.index_select(0, train).to(at::kFloat).mean(0, /*keepdim=*/true);
    auto sizes = mean.sizes().vec();
    sizes[0] = test.numel();
    return mean.expand(sizes);
  });
}

at::Tensor invert_encoder(const at::Tensor& responses, const at::Tensor& pictures,
                          const HeldOut& held_out) {
  const auto pixels = resized(pictures, kInvertedSide).mean(1).flatten(1).to(at::kDouble);
  const auto inverted =
      for_each_fold(held_out, [&](const at::Tensor& train, const at::Tensor& test) {
        const Inverse inverse(pixels.index_select(0, train), responses.index_select(0, train),
                              held_out.group.index_select(0, train));
        return inverse(responses.index_select(0, test));
      });
  const auto grey = inverted.to(at::kFloat).view({-1, 1, kInvertedSide, kInvertedSide});
  return resized(grey.expand({-1, 3, -1, -1}), pictures.size(2)).clamp(0, 1);
}

at::Tensor other_groups_rows(const at::Tensor& rows, const at::Tensor& group, std::uint64_t seed) {
  const auto [groups, place] = at::_unique(group, /*sorted=*/true, /*return_inverse=*/true);
  const auto count = groups.size(0);
  const auto round = at::randperm(count, at::detail::createCPUGenerator(seed), at::kLong);
  auto source = at::empty({rows.size(0)}, at::kLong);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto own = rows_where(place.eq(round[i]));
    const auto theirs = rows_where(place.eq(round[(i + 1) % count]));
    const auto turns = at::arange(own.numel(), at::kLong).remainder(theirs.numel());
    source.index_copy_(0, own, theirs.index_select(0, turns));
  }
  return rows.index_select(0, source);
}

at::Tensor noise_counts(const at::Tensor& counts, std::uint64_t seed) {
  const auto there = counts.ge(0);
  const auto sum =
      at::where(there, counts, at::zeros_like(counts)).sum(at::IntArrayRef({0, 2})).to(at::kDouble);
  const auto mean = sum / there.sum(at::IntArrayRef({0, 2})).clamp_min(1);
  const auto rates = mean.view({1, -1, 1}).expand(counts.sizes()).contiguous();
  const auto drawn =
      at::poisson(rates, at::detail::createCPUGenerator(seed)).to(counts.scalar_type());
  return at::where(there, drawn, counts);
}

at::Tensor decode_as_published(const at::Tensor& responses, const at::Tensor& latents) {
  const auto rows = static_cast<double>(responses.size(0));
  // Each row its own group: nothing is chosen by what is left out.
  const auto fit = fit_ridge(responses, latents, at::arange(responses.size(0), at::kLong),
                             {kPublishedPenalty / rows});
  const auto decoded = fit.predict(responses);
  const auto y = latents.to(at::kDouble);
  const auto deviation = (decoded - decoded.mean(0)).square().mean(0).sqrt().clamp_min(1e-12);
  const auto spread = (y - y.mean(0)).square().mean(0).sqrt();
  return ((decoded - decoded.mean(0)) / deviation * spread + y.mean(0)).to(at::kFloat);
}

}  // namespace neurosplat
