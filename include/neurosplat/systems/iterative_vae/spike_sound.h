#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace neurosplat {

struct SpikeSoundSettings {
  int rate = 48000;      ///< samples a second
  double bin = 0.070;    ///< seconds of a frame
  double speed = 0.845;  ///< a frame sounds for bin / speed seconds
  double pop = 0.0025;   ///< seconds of a spike
  double tone = 500.0;   ///< Hz
  double decay = 5.0;    ///< a pop's envelope is exp(-decay t / pop)
  double gain = 0.8;     ///< (0, 1]
};

/// Seconds that a frame sounds for.
double seconds_of_frame(const SpikeSoundSettings& settings);

/// What an electrode beside a neuron plays: spikes int64 [T], how many in each frame, to samples
/// float32 [round(T bin / speed rate)]. Each is a short tone that dies away, begun at a sample
/// chosen uniformly in its frame; those that overlap add up, cut off at +-1, and the last may be
/// cut short. The same seed gives the same sound. Throws UsageError on counts below 0 or above a
/// thousand a frame, on settings out of range and on sounds above ten hours.
at::Tensor spike_sound(const at::Tensor& spikes, std::uint64_t seed,
                       const SpikeSoundSettings& settings = {});

}  // namespace neurosplat
