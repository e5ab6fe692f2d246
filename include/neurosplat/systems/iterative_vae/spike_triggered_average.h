#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace neurosplat {

/// The mean stimulus before a spike (Chichilnisky 2001, docs/sources.md), added up as a run goes
/// on: its memory is lags * K * M doubles (84 MB of 80 lags, 512 neurons and 256 pixels) and the
/// last lags - 1 frames of each trial, however long the run is. On the CPU.
class SpikeTriggeredAverage {
 public:
  /// Spikes of the first `warm_up` frames of a trial, and of those before there are `lags` frames,
  /// do not count. Throws UsageError on lags, pixels or neurons below 1 and a warm-up below 0.
  SpikeTriggeredAverage(std::int64_t lags, std::int64_t pixels, std::int64_t neurons,
                        std::int64_t warm_up = 0);

  /// The next frames of the trials under way, or the first of new ones: stimuli float [T, B, M] and
  /// spikes [T, B, K], counts or rates of any number type, in answer to frame t. Throws UsageError
  /// on other shapes, also when B changes within trials.
  void add(const at::Tensor& stimuli, const at::Tensor& spikes);

  /// Ends the trials: what is added next follows nothing.
  void end_trials();

  /// float64 [K, lags, M]: lag 0 is the frame that a spike answers, lag l that l frames before it.
  /// NaN for a neuron without spikes.
  at::Tensor average() const;

  /// Spikes that counted, float64 [K].
  const at::Tensor& spikes() const { return spikes_; }

 private:
  std::int64_t lags_, warm_up_;
  std::int64_t frames_ = 0;  ///< of the trials under way, so far
  at::Tensor sums_;          ///< float64 [lags, K, M]
  at::Tensor spikes_;        ///< float64 [K]
  at::Tensor history_;       ///< float32 [up to lags - 1, B, M], oldest first
};

/// The same of trials that are there as a whole.
at::Tensor spike_triggered_average(const at::Tensor& stimuli, const at::Tensor& spikes,
                                   std::int64_t lags = 80, std::int64_t warm_up = 0);

}  // namespace neurosplat
