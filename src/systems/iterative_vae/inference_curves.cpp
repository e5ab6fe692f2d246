#include "neurosplat/systems/iterative_vae/inference_curves.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/systems/iterative_vae/inference_scores.h"
#include "neurosplat/systems/iterative_vae/iterative_inference.h"
#include "systems/iterative_vae/matrix_checks.h"

namespace neurosplat {
namespace {

void check(const IterativeVae& model, const at::Tensor& patches, const MeasuredRun& run) {
  if (run.steps < 1 || run.block < 1) {
    throw UsageError(text("expected at least 1 step, on at least 1 patch at a time, got ",
                          run.steps, " and ", run.block, ": give more"));
  }
  check_matrix("patches [N, M]", patches);
  if (patches.size(1) != model.architecture().pixels) {
    throw UsageError(text("expected patches of ", model.architecture().pixels,
                          " pixels, the model's, got ", patches.size(1), ": give others"));
  }
  if (has_contrast(patches).all().item<bool>()) return;
  throw UsageError("expected patches of more than one value, some are constant: leave them out");
}

/// A block of patches under inference.
struct Block {
  const at::Tensor& patches;
  const IterativeInference& inference;
  std::int64_t first;
  double share;  ///< of all patches
};

/// Seeds of blocks lie far apart, so that runs with seeds side by side share no noise.
std::uint64_t seed_of_block(std::uint64_t seed, std::uint64_t block) {
  return seed + block * 0x9E3779B97F4A7C15U;
}

/// Calls at_step(block, step from 0) after every step and at_end(block) after the last.
template <class AtStep, class AtEnd>
void infer_in_blocks(const IterativeVae& model, const at::Tensor& patches, const MeasuredRun& run,
                     const AtStep& at_step, const AtEnd& at_end) {
  check(model, patches, run);
  const auto device = model.state().begin()->second.device();
  const auto total = patches.size(0);
  std::int64_t done = 0;
  for (std::int64_t first = 0; first < total; first += run.block) {
    const auto count = std::min(run.block, total - first);
    const auto some = patches.narrow(0, first, count).to(device, at::kFloat).contiguous();
    IterativeInference inference(
        model, count,
        {.inner = run.inner,
         .beta_inner = run.beta_inner,
         .guard = run.guard,
         .seed = seed_of_block(run.seed, static_cast<std::uint64_t>(first / run.block))});
    const Block block{some, inference, first,
                      static_cast<double>(count) / static_cast<double>(total)};
    for (std::int64_t step = 0; step < run.steps; ++step) {
      inference.step(some);
      at_step(block, static_cast<std::size_t>(step));
      if (run.stepped) run.stepped(++done);
    }
    at_end(block);
  }
}

at::Tensor rates_of(const IterativeVae& model, const IterativeInference& inference) {
  const auto& first = inference.state().front();
  return model.architecture().poisson() ? first.exp() : model.activity(first);
}

/// Squared differences from each patch's mean, summed over pixels, mean over patches.
double mean_spread(const at::Tensor& patches) {
  const auto exact = patches.to(at::kDouble);
  return (exact - exact.mean(1, /*keepdim=*/true)).square().sum(1).mean().item<double>();
}

}  // namespace

at::Tensor has_contrast(const at::Tensor& patches) {
  check_matrix("patches [N, M]", patches);
  return patches.amax(1).ne(patches.amin(1));
}

InferenceCurves inference_curves(const IterativeVae& model, const at::Tensor& patches,
                                 const MeasuredRun& run) {
  const at::NoGradGuard no_gradient;
  InferenceCurves curves;
  const auto add = [](std::vector<double>& curve, std::size_t step, double value) {
    if (curve.size() <= step) curve.resize(step + 1);
    curve[step] += value;
  };
  const double spread = mean_spread(patches);
  infer_in_blocks(
      model, patches, run,
      [&](const Block& block, std::size_t step) {
        const auto& inference = block.inference;
        const auto shown = inference.reconstruction();
        add(curves.r2, step, block.share * mean_r2(block.patches, shown));
        add(curves.pooled_r2, step,
            block.share * (1 - summed_squared_error(block.patches, shown) / spread));
        add(curves.zeros, step, block.share * share_of_zeros(inference.activity()));
        add(curves.du_norm, step, block.share * inference.last_change());
      },
      [](const Block&) {});
  return curves;
}

InferenceEnd inference_end(const IterativeVae& model, const at::Tensor& patches,
                           const MeasuredRun& run) {
  const at::NoGradGuard no_gradient;
  InferenceEnd end;
  std::vector<at::Tensor> rates, reconstructions;
  infer_in_blocks(
      model, patches, run, [](const Block&, std::size_t) {},
      [&](const Block& block) {
        const auto& inference = block.inference;
        const auto shown = inference.reconstruction();
        end.r2 += block.share * mean_r2(block.patches, shown);
        end.mean_r2 += block.share * mean_r2(block.patches, inference.mean_reconstruction());
        end.zeros += block.share * share_of_zeros(inference.activity());
        end.squared_error += block.share * summed_squared_error(block.patches, shown);
        rates.push_back(rates_of(model, inference).cpu());
        reconstructions.push_back(shown.cpu().clone());
      });
  end.rates = at::cat(rates);
  end.reconstructions = at::cat(reconstructions);
  return end;
}

}  // namespace neurosplat
