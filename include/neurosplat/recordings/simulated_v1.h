#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "neurosplat/recordings/recording.h"

/// Simulated neurons of V1 on electrodes: the truth behind a recording is known. Our model, no
/// published one: linear filters, a rectifying nonlinearity, Poisson spikes with a refractory time
/// (LNP), a waveform of its own for each neuron, noise that crosses the threshold too.
namespace neurosplat {

struct SimulatedV1Options {
  std::int64_t electrodes = 16;  ///< one neuron each
  double gain = 2;               ///< of the filter's response, in deviations over pictures
  double rate = 30;              ///< Hz, times softplus(gain response - 1)
  double noise_rate = 10;        ///< Hz of crossings that are no spikes
  double latency = 0.06, latency_deviation = 0.005;  ///< seconds
  double refractory = 0.0015;                        ///< seconds
  double waveform_noise = 10;                        ///< deviation of each sample, of 127
  std::uint64_t seed = 0;
};

/// Throws UsageError.
void check(const SimulatedV1Options& options);

/// A simple cell (even linear filter of one phase) or a complex one (energy of two phases).
struct SimulatedNeuron {
  double frequency, orientation, phase, x, y, size;  ///< cycles a picture, radians, of the picture
  bool complex;
  at::Tensor waveform;  ///< float32 [48], trough at sample 12
};

class SimulatedV1 {
 public:
  explicit SimulatedV1(const SimulatedV1Options& options);

  const std::vector<SimulatedNeuron>& neurons() const { return neurons_; }
  /// Hz of each neuron for each picture: uint8 [F, 3, S, S] to float32 [F, electrodes]. Pictures'
  /// contrast is normalised; responses are in deviations over fields with a spectrum of 1/f^2.
  at::Tensor rates(const at::Tensor& pictures) const;
  /// What the electrodes give while frames are shown at `frame_rate`, one presentation; spikes of
  /// the last frames come up to the latency after the end. `presentation` draws its noise.
  /// `is_spike`, where it is given, gets the truth: bool [n] for each electrode.
  Presentation record(const at::Tensor& rates, double frame_rate, std::uint64_t presentation,
                      std::vector<std::vector<bool>>* is_spike = nullptr) const;

 private:
  at::Tensor drives(const at::Tensor& contrasts) const;

  SimulatedV1Options options_;
  at::Tensor filters_;           // [64 * 64, 2 electrodes], a pair in quadrature each
  at::Tensor mean_, deviation_;  // [electrodes], of drives by natural noise
  std::vector<SimulatedNeuron> neurons_;
};

}  // namespace neurosplat
