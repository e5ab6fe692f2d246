#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "neurosplat/io/frame_sink.h"
#include "neurosplat/systems/iterative_vae/bar_experiment.h"

namespace neurosplat {

/// One neuron in the bar experiment, to be drawn.
struct ShownNeuron {
  std::int64_t neuron;
  BarExperiment experiment;
  at::Tensor column;     ///< float32 [side^2]: its receptive field
  at::Tensor peak_rate;  ///< float64 [directions]
  NeuronTrace trace;

  std::int64_t preferred() const;   ///< index of the direction with the largest rate
  std::int64_t peak_frame() const;  ///< of that rate; the bar moves then
};

/// Frames [first, first + count) of a trace.
struct FrameWindow {
  std::int64_t first, count;
};
/// At most `frames` frames around the peak, with the bar moving.
FrameWindow window_around_peak(const ShownNeuron& shown, std::int64_t frames);

/// Receptive field, the same under the bar as it stood at the peak, tuning curve, rate with the
/// spikes as stems at the preferred direction, spikes of all directions: float [3, ., .].
at::Tensor bar_figure(const ShownNeuron& shown);

/// Writes each frame of the window: bar, receptive field under it, the trace until then. Pictures
/// have even sides. Closes the sink.
void write_bar_movie(const ShownNeuron& shown, const FrameWindow& window, FrameSink& sink);

}  // namespace neurosplat
