#include "neurosplat/systems/iterative_vae/noise_mapping.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "neurosplat/core/error.h"
#include "neurosplat/core/memory.h"
#include "neurosplat/core/text.h"
#include "neurosplat/data/stimuli.h"
#include "neurosplat/systems/iterative_vae/dictionary.h"
#include "neurosplat/systems/iterative_vae/iterative_inference.h"
#include "neurosplat/systems/iterative_vae/spike_triggered_average.h"

namespace neurosplat {
namespace {

/// Frames that are added to the average at a time.
constexpr std::int64_t kChunk = 20;

void check(const NoiseMapping& mapping, std::int64_t latents, std::int64_t pixels) {
  const auto expect = [](const char* name, std::int64_t value, std::int64_t least,
                         std::int64_t most) {
    if (value >= least && value <= most) return;
    throw UsageError(text(name, ": expected ", least, " to ", most, ", got ", value));
  };
  expect("lags", mapping.lags, 1, 10'000);
  expect("warm-up", mapping.warm_up, 0, 1'000'000);
  expect("trials", mapping.trials, 1, 1'000'000);
  expect("batch", mapping.batch, 1, 100'000);
  expect("neurons", mapping.neurons, 0, latents);
  expect("frames", mapping.frames, std::max(mapping.lags - 1, mapping.warm_up) + 1, 10'000'000);
  if (!(std::isfinite(mapping.contrast) && mapping.contrast > 0)) {
    throw UsageError(text("contrast: expected a number above 0, got ", mapping.contrast));
  }
  const auto neurons = mapping.neurons > 0 ? mapping.neurons : latents;
  // Frames that a spike may look back to, twice while they are moved on; sums and their quotient.
  const double bytes =
      4.0 * static_cast<double>(pixels) * static_cast<double>(mapping.batch) *
          static_cast<double>(2 * mapping.lags + 3 * kChunk) +
      24.0 * static_cast<double>(mapping.lags * pixels) * static_cast<double>(neurons);
  const auto available = static_cast<double>(available_memory());
  if (bytes > available) {
    throw UsageError(text("expected a mapping that fits into ", fixed(available / 1e9, 1),
                          " GB of free memory, got one of ", fixed(bytes / 1e9, 1),
                          " GB: take a smaller batch, fewer lags or neurons"));
  }
}

/// seen(pictures, activity) after each step of a trial that begins at the prior.
template <class Seen>
void run_trial(IterativeInference& inference, FrameFeeder& noise, const NoiseMapping& mapping,
               const Seen& seen) {
  inference.reset();
  for (std::int64_t frame = 0; frame < mapping.frames; ++frame) {
    const auto pictures = noise.next().mul_(mapping.contrast);
    inference.step(pictures);
    seen(frame, pictures, inference.activity().to(at::kCPU));
  }
}

void add_trial(SpikeTriggeredAverage& average, IterativeInference& inference, FrameFeeder& noise,
               const NoiseMapping& mapping, const at::Tensor& neurons) {
  std::vector<at::Tensor> stimuli, spikes;
  run_trial(inference, noise, mapping,
            [&](std::int64_t frame, const at::Tensor& pictures, const at::Tensor& activity) {
              stimuli.push_back(pictures);
              spikes.push_back(activity.index_select(1, neurons));
              if ((frame + 1) % kChunk != 0 && frame + 1 < mapping.frames) return;
              average.add(at::stack(stimuli), at::stack(spikes));
              stimuli.clear();
              spikes.clear();
            });
  average.end_trials();
}

at::Tensor correlation(const at::Tensor& a, const at::Tensor& b) {
  const auto x = a - a.mean(1, true), y = b - b.mean(1, true);
  return (x * y).sum(1) / (x.square().sum(1) * y.square().sum(1)).sqrt();
}

}  // namespace

NoiseMap map_with_noise(const IterativeVae& model, const NoiseMapping& mapping,
                        const std::function<void(std::int64_t)>& done) {
  const at::NoGradGuard no_gradient;
  expect_spikes(model, "a spike-triggered average");
  const auto columns = dictionary_of(model).t().to(at::kDouble);
  const auto pixels = columns.size(1), latents = columns.size(0);
  check(mapping, latents, pixels);
  const auto noise = white_noise(mapping.batch, patch_side(model), mapping.seed);
  IterativeInference inference(model, mapping.batch, {.seed = mapping.seed});

  auto counts = at::zeros({latents}, at::kDouble);
  run_trial(inference, *noise, mapping,
            [&](std::int64_t frame, const at::Tensor&, const at::Tensor& activity) {
              if (frame >= mapping.warm_up) counts += activity.sum(0, false, at::kDouble);
            });
  if (done) done(1);
  NoiseMap map;
  map.neurons = largest_first(counts);
  if (mapping.neurons > 0) map.neurons = map.neurons.narrow(0, 0, mapping.neurons);

  SpikeTriggeredAverage average(mapping.lags, pixels, map.neurons.numel(), mapping.warm_up);
  for (std::int64_t trial = 0; trial < mapping.trials; ++trial) {
    add_trial(average, inference, *noise, mapping, map.neurons);
    if (done) done(trial + 2);
  }
  map.spikes = average.spikes().clone();
  map.average = average.average();
  const auto power = map.average.square().sum(2);
  map.peak_lag = at::nan_to_num(power, -1.0).argmax(1);
  const auto at_peak =
      map.average.gather(1, map.peak_lag.view({-1, 1, 1}).expand({-1, 1, pixels})).squeeze(1);
  map.correlation = correlation(at_peak, columns.index_select(0, map.neurons));
  map.peak_lag.masked_fill_(map.spikes.eq(0.0), -1);
  return map;
}

}  // namespace neurosplat
