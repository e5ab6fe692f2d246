#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

#include "neurosplat/systems/iterative_vae/iterative_vae.h"

namespace neurosplat {

/// Receptive fields mapped with white noise: what the mean stimulus before a spike was
/// (spike_triggered_average.h), one step of inference a frame. The published run has 100 trials of
/// a batch of 10,000; these are sized for about a minute on two cores.
struct NoiseMapping {
  std::int64_t lags = 80, warm_up = 40;  ///< frames
  std::int64_t trials = 20;              ///< each begins at the prior
  std::int64_t batch = 100;              ///< sequences of a trial
  std::int64_t frames = 240;             ///< of a trial, above lags and warm-up
  std::int64_t neurons = 64;             ///< the most active ones; 0: all
  double contrast = 1.0;                 ///< standard deviation of a pixel
  std::uint64_t seed = 0;                ///< of noise and spikes
};

/// Of the mapped neurons, the most active first.
struct NoiseMap {
  at::Tensor neurons;      ///< int64 [N]
  at::Tensor spikes;       ///< float64 [N]: those that counted
  at::Tensor average;      ///< float64 [N, lags, pixels], NaN without spikes
  at::Tensor peak_lag;     ///< int64 [N]: of the largest norm; -1 without spikes
  at::Tensor correlation;  ///< float64 [N]: of the average at that lag with the column; NaN of none
};

/// `done` is told of trials that are done; the first one, of one more than `trials`, chooses the
/// neurons. Throws UsageError for numbers out of range or too large for memory, latents that are no
/// spike counts, and as dictionary_of.
NoiseMap map_with_noise(const IterativeVae& model, const NoiseMapping& mapping,
                        const std::function<void(std::int64_t)>& done = {});

}  // namespace neurosplat
