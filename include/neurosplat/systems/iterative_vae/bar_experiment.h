#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "neurosplat/systems/iterative_vae/gabor_fit.h"
#include "neurosplat/systems/iterative_vae/iterative_vae.h"
#include "neurosplat/systems/iterative_vae/tuning.h"

namespace neurosplat {

/// The experiment of Hubel and Wiesel on an iterative Poisson VAE (docs/sources.md): bright bars
/// drift over a patch in directions evenly around the circle, all at once, after blank frames; one
/// step of inference a frame, the state carried over.
struct BarExperiment {
  std::int64_t directions = 360;     ///< 3 to 3600
  std::int64_t blank_frames = 300;   ///< at least 1
  std::int64_t moving_frames = 400;  ///< at least 2
  double width_share = 0.2;          ///< of the patch's side
  std::uint64_t seed = 42;           ///< of the spikes

  std::int64_t frames() const { return blank_frames + moving_frames; }
  /// Degrees of the bar of direction `index`: 0 lies along x; it moves at right angles to itself.
  double degrees(std::int64_t index) const;
};

/// What all neurons did, in memory of one frame. Rates in spikes a frame.
struct BarResponses {
  at::Tensor peak_rate;     ///< float64 [directions, latents]: largest while bars moved
  at::Tensor resting_rate;  ///< float64 [latents]: in the last blank frame, mean over directions
  at::Tensor spikes;        ///< float64 [latents]: while bars moved, all directions together
  std::vector<double> r2;   ///< of each frame, mean over patches that are not blank; NaN of none
  std::vector<double> mse;  ///< of each frame, summed over pixels, mean over patches
};

/// What one neuron did. All frames, the blank ones too.
struct NeuronTrace {
  at::Tensor rates;   ///< float32 [frames, directions]
  at::Tensor spikes;  ///< int64 [frames, directions]
};

/// Told of frames that are done.
using FramesDone = std::function<void(std::int64_t frames)>;

/// The same numbers for the same seed. Both throw UsageError for numbers out of range, a neuron
/// that there is not, latents that are no spike counts and patches that are no squares.
BarResponses run_bars(const IterativeVae& model, const BarExperiment& experiment,
                      const FramesDone& done = {});
/// Runs it all again, to the same spikes.
NeuronTrace trace_of_neuron(const IterativeVae& model, const BarExperiment& experiment,
                            std::int64_t neuron, const FramesDone& done = {});

/// A neuron is silent whose rate stays below so many spikes a frame while bars move.
inline constexpr double kSilentRate = 0.5;

/// What is said of all neurons together: medians over those that are not silent, NaN of none.
struct BarSummary {
  double share_silent = 0;
  double orientation_selectivity = 0, direction_selectivity = 0, half_width = 0, peak_rate = 0;
};
BarSummary summary_of(const Tuning& tuning);

/// The neuron to show: the one with the largest peak rate times orientation selectivity among those
/// that are not silent and whose column is like a Gabor (r2 above 0.8); where there is none, among
/// those that are not silent, else among all. `fits`: one a neuron.
std::int64_t choose_neuron(const Tuning& tuning, const std::vector<GaborFit>& fits);

}  // namespace neurosplat
