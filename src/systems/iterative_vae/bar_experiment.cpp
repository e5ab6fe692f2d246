#include "neurosplat/systems/iterative_vae/bar_experiment.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cmath>
#include <limits>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/data/stimuli.h"
#include "neurosplat/systems/iterative_vae/dictionary.h"
#include "neurosplat/systems/iterative_vae/inference_scores.h"
#include "neurosplat/systems/iterative_vae/iterative_inference.h"

namespace neurosplat {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

void check(const IterativeVae& model, const BarExperiment& experiment) {
  expect_spikes(model, "the bar experiment");
  if (experiment.directions < 3 || experiment.directions > 3600) {
    throw UsageError(text("angles: expected 3 to 3600 directions, got ", experiment.directions));
  }
  constexpr std::int64_t kMostFrames = 100'000;
  if (experiment.blank_frames < 1 || experiment.blank_frames > kMostFrames ||
      experiment.moving_frames < 2 || experiment.moving_frames > kMostFrames) {
    throw UsageError(text("expected 1 to ", kMostFrames, " blank frames and 2 to ", kMostFrames,
                          " moving ones, got ", experiment.blank_frames, " and ",
                          experiment.moving_frames));
  }
}

/// seen(frame, pictures, inference) after each step.
template <class Seen>
void show(const IterativeVae& model, const BarExperiment& experiment, const FramesDone& done,
          const Seen& seen) {
  const at::NoGradGuard no_gradient;
  check(model, experiment);
  MovingBars bars{.angles = {},
                  .width_share = experiment.width_share,
                  .blank_frames = experiment.blank_frames,
                  .moving_frames = experiment.moving_frames};
  for (std::int64_t i = 0; i < experiment.directions; ++i) {
    bars.angles.push_back(experiment.degrees(i));
  }
  const auto feeder = moving_bars(bars, patch_side(model));
  IterativeInference inference(model, experiment.directions, {.seed = experiment.seed});
  for (std::int64_t frame = 0; frame < experiment.frames(); ++frame) {
    const auto pictures = feeder->next();
    inference.step(pictures);
    seen(frame, pictures, inference);
    if (done) done(frame + 1);
  }
}

at::Tensor rates_of(const IterativeInference& inference) {
  return inference.state().front().to(at::kCPU).exp();
}

double median_of(const at::Tensor& values) {
  const auto known = values.masked_select(values.isnan().logical_not());
  return known.numel() == 0 ? kNone : at::quantile(known, 0.5).item<double>();
}

}  // namespace

double BarExperiment::degrees(std::int64_t index) const {
  return 360.0 * static_cast<double>(index) / static_cast<double>(directions);
}

BarResponses run_bars(const IterativeVae& model, const BarExperiment& experiment,
                      const FramesDone& done) {
  const auto latents = model.architecture().latents;
  BarResponses responses{at::Tensor(), at::Tensor(), at::zeros({latents}, at::kDouble), {}, {}};
  at::Tensor peak;
  show(model, experiment, done,
       [&](std::int64_t frame, const at::Tensor& pictures, const IterativeInference& inference) {
         const auto drawn = inference.reconstruction().to(at::kCPU);
         responses.r2.push_back(mean_r2(pictures, drawn));
         responses.mse.push_back(summed_squared_error(pictures, drawn));
         if (frame + 1 < experiment.blank_frames) return;
         const auto rates = rates_of(inference);
         if (frame < experiment.blank_frames) {
           responses.resting_rate = rates.mean(0, /*keepdim=*/false, at::kDouble);
           peak = at::zeros_like(rates);
           return;
         }
         at::maximum_out(peak, peak, rates);
         responses.spikes += inference.activity().to(at::kCPU).sum(0, false, at::kDouble);
       });
  responses.peak_rate = peak.to(at::kDouble);
  return responses;
}

NeuronTrace trace_of_neuron(const IterativeVae& model, const BarExperiment& experiment,
                            std::int64_t neuron, const FramesDone& done) {
  const auto latents = model.architecture().latents;
  if (neuron < 0 || neuron >= latents) {
    throw UsageError(text("neuron: expected 0 to ", latents - 1, ", got ", neuron));
  }
  check(model, experiment);
  NeuronTrace trace{at::empty({experiment.frames(), experiment.directions}, at::kFloat),
                    at::empty({experiment.frames(), experiment.directions}, at::kLong)};
  show(model, experiment, done,
       [&](std::int64_t frame, const at::Tensor&, const IterativeInference& inference) {
         trace.rates[frame] = inference.state().front().select(1, neuron).to(at::kCPU).exp();
         trace.spikes[frame] = inference.activity().select(1, neuron).to(at::kCPU, at::kLong);
       });
  return trace;
}

BarSummary summary_of(const Tuning& tuning) {
  // What never responds has no number, and is silent.
  const auto active = at::nan_to_num(tuning.peak).ge(kSilentRate);
  const auto of_active = [&](const at::Tensor& values) {
    return median_of(values.masked_select(active));
  };
  return {1.0 - active.to(at::kDouble).mean().item<double>(),
          of_active(tuning.orientation_selectivity), of_active(tuning.direction_selectivity),
          of_active(tuning.half_width), of_active(tuning.peak)};
}

std::int64_t choose_neuron(const Tuning& tuning, const std::vector<GaborFit>& fits) {
  const auto score = at::nan_to_num(tuning.peak * tuning.orientation_selectivity, -1.0);
  const auto active = at::nan_to_num(tuning.peak).ge(kSilentRate);
  auto alike = at::zeros_like(active);
  for (std::size_t k = 0; k < fits.size(); ++k) {
    alike[static_cast<std::int64_t>(k)] = fits[k].r2 > GaborStatistics::kGood;
  }
  for (const auto& candidates : {active.logical_and(alike), active, at::ones_like(active)}) {
    if (!candidates.any().item<bool>()) continue;
    return score.masked_fill(candidates.logical_not(), -2.0).argmax().item<std::int64_t>();
  }
  throw UsageError("expected at least one neuron, got none");
}

}  // namespace neurosplat
