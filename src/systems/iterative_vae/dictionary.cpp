#include "neurosplat/systems/iterative_vae/dictionary.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/systems/iterative_vae/iterative_inference.h"

namespace neurosplat {
namespace {

/// Patches inferred at a time.
constexpr std::int64_t kBatch = 256;

std::vector<HistogramBin> bins(double to, std::int64_t count) {
  std::vector<HistogramBin> bins;
  const double width = to / static_cast<double>(count);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto place = static_cast<double>(i);
    bins.push_back({width * place, width * (place + 1), 0});
  }
  return bins;
}

/// Numbers at least 0.
void add(std::vector<HistogramBin>& bins, double value) {
  const auto last = static_cast<double>(bins.size() - 1);
  ++bins[static_cast<std::size_t>(std::min(last, std::floor(value / bins.front().to)))].count;
}

}  // namespace

std::int64_t patch_side(const IterativeVae& model) {
  const auto pixels = model.architecture().pixels;
  const auto side = std::llround(std::sqrt(static_cast<double>(pixels)));
  if (side * side == pixels) return side;
  throw UsageError(text("expected a model of square patches, got one of ", pixels,
                        " pixels: take another model"));
}

at::Tensor dictionary_of(const IterativeVae& model) {
  const auto& decoder = model.architecture().decoder;
  if (decoder != "lin") {
    throw UsageError(
        text("expected a model with a linear decoder, whose columns are a dictionary, ", "got ",
             decoder, ": take one trained with --decoder lin"));
  }
  patch_side(model);
  return model.state().at("decoder.weight").detach().to(at::kCPU, at::kFloat);
}

void expect_spikes(const IterativeVae& model, const char* what) {
  if (model.architecture().poisson()) return;
  throw UsageError(text("expected a model whose latents are spike counts, as ", what,
                        " needs, got ", model.architecture().model,
                        " latents: take one trained with --model poisson"));
}

at::Tensor mean_final_state(const IterativeVae& model, const at::Tensor& patches,
                            std::int64_t steps, std::uint64_t seed) {
  const at::NoGradGuard no_gradient;
  if (steps < 1) throw UsageError(text("steps: expected at least 1, got ", steps));
  if (patches.dim() != 2 || patches.size(0) < 1) {
    throw UsageError(text("expected patches [N, pixels], at least one, got ", patches.sizes()));
  }
  auto sum = at::zeros({model.architecture().latents}, at::kDouble);
  for (const auto& some : patches.split(kBatch)) {
    IterativeInference inference(model, some.size(0), {.seed = seed++});
    for (std::int64_t step = 0; step < steps; ++step) inference.step(some);
    sum += inference.state().front().to(at::kCPU, at::kDouble).sum(0);
  }
  return sum / static_cast<double>(patches.size(0));
}

at::Tensor largest_first(const at::Tensor& values) {
  const auto known = at::nan_to_num(values.detach().to(at::kCPU, at::kDouble), -INFINITY);
  return std::get<1>(at::sort(known, /*stable=*/true, /*dim=*/0, /*descending=*/true));
}

GaborStatistics gabor_statistics(const std::vector<GaborFit>& fits) {
  GaborStatistics statistics;
  statistics.orientation = bins(180.0, 8);
  statistics.frequency = bins(0.5, 10);
  statistics.aspect = bins(3.0, 6);
  statistics.share_good = share_well_fitted(fits, GaborStatistics::kGood);
  for (const auto& [gabor, r2] : fits) {
    if (!(r2 > GaborStatistics::kGood)) continue;
    ++statistics.good;
    add(statistics.orientation, gabor.orientation / std::numbers::pi * 180.0);
    add(statistics.frequency, gabor.frequency);
    add(statistics.aspect, gabor.along / gabor.across);
  }
  return statistics;
}

at::Tensor signed_pictures(const at::Tensor& patches, std::int64_t zoom) {
  const at::NoGradGuard no_gradient;
  const auto values = patches.detach().to(at::kCPU, at::kFloat);
  const auto side = std::llround(std::sqrt(static_cast<double>(values.size(1))));
  const auto largest = std::get<0>(values.abs().max(1, /*keepdim=*/true));
  const auto grey = 0.5 + 0.5 * values / largest.where(largest.ne(0.0), 1.0);
  return at::nan_to_num(grey)
      .view({-1, 1, side, side})
      .repeat_interleave(zoom, 2)
      .repeat_interleave(zoom, 3)
      .expand({-1, 3, -1, -1});
}

}  // namespace neurosplat
