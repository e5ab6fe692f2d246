#include "neurosplat/recordings/simulated_v1.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "neurosplat/core/error.h"
#include "neurosplat/core/random_stream.h"
#include "neurosplat/core/text.h"
#include "recordings/gabor.h"

namespace neurosplat {
namespace {

using std::numbers::pi;

/// Pictures are seen at this side, whatever theirs is.
constexpr std::int64_t kSide = 64;
constexpr std::int64_t kCalibrationPictures = 512;
constexpr double kThreshold = 1;
constexpr double kNoiseDepth = 15, kAmplitudeJitter = 0.05;

/// Fields with a power spectrum of 1/f^2, contrast 1: what filters see of nature, roughly.
at::Tensor natural_noise(std::uint64_t seed) {
  const auto white = at::randn({kCalibrationPictures, kSide, kSide},
                               at::detail::createCPUGenerator(seed), at::kFloat);
  const auto f = at::fft_fftfreq(kSide, 1.0 / kSide, at::kFloat);
  const auto power = f.square().unsqueeze(0) + f.square().unsqueeze(1);
  const auto amplitude = power.clamp_min(1).rsqrt() * power.gt(0);
  const auto fields = at::real(at::fft_ifft2(at::fft_fft2(white) * amplitude)).flatten(1);
  return fields / fields.square().mean(1, true).sqrt();
}

at::Tensor filter_of(const SimulatedNeuron& neuron, double phase) {
  return gabor_filter({neuron.frequency, neuron.orientation, neuron.x, neuron.y, neuron.size},
                      phase, kSide);
}

at::Tensor waveform(RandomStream& random) {
  const auto k = at::arange(kSnippetSamples, at::kFloat);
  const double depth = random.between(40, 120), width = random.between(2, 3.5);
  const double back = random.between(0.25F, 0.55F), later = random.between(7, 12);
  const auto bump = [&](double centre, double spread) {
    return (-((k - centre) / spread).square()).exp();
  };
  return depth * (back * bump(12 + later, 2 * width) - bump(12, width));
}

SimulatedNeuron neuron(RandomStream& random, std::int64_t number) {
  SimulatedNeuron made;
  made.frequency = std::exp2(random.between(0, 2.585F));  // 1 to 6
  made.orientation = static_cast<double>(random.below(8)) * pi / 8;
  made.phase = random.between(0, static_cast<float>(2 * pi));
  made.x = random.between(0.25F, 0.75F);
  made.y = random.between(0.25F, 0.75F);
  made.size = 0.4 / made.frequency;
  made.complex = number % 2 == 1;
  made.waveform = waveform(random);
  return made;
}

std::vector<std::int8_t> noisy(const float* mean, double scale, double deviation,
                               RandomStream& random) {
  std::vector<std::int8_t> samples;
  for (std::int64_t k = 0; k < kSnippetSamples; ++k) {
    const double value = scale * mean[k] + deviation * random.normal();
    samples.push_back(static_cast<std::int8_t>(std::clamp(std::round(value), -128.0, 127.0)));
  }
  return samples;
}

/// One electrode's crossings as they are drawn, not yet in order.
struct Drawn {
  std::vector<double> seconds;
  std::vector<std::vector<std::int8_t>> waveforms;
  std::vector<bool> is_spike;

  Crossings in_order(std::vector<bool>* truth) const;
};

Crossings Drawn::in_order(std::vector<bool>* truth) const {
  std::vector<std::size_t> order(seconds.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](auto one, auto other) { return seconds[one] < seconds[other]; });
  Crossings sorted{{}, at::empty({std::ssize(seconds), kSnippetSamples}, at::kChar)};
  auto* samples = sorted.waveforms.mutable_data_ptr<std::int8_t>();
  if (truth != nullptr) truth->clear();
  for (const auto i : order) {
    sorted.seconds.push_back(seconds[i]);
    samples = std::copy(waveforms[i].begin(), waveforms[i].end(), samples);
    if (truth != nullptr) truth->push_back(is_spike[i]);
  }
  return sorted;
}

}  // namespace

void check(const SimulatedV1Options& options) {
  if (options.electrodes < 1 || options.electrodes > 1024) {
    throw UsageError(text("electrodes: expected 1 to 1024, got ", options.electrodes));
  }
  for (const double value : {options.gain, options.rate, options.noise_rate, options.latency,
                             options.latency_deviation, options.waveform_noise}) {
    if (!(value >= 0 && value <= 1000)) {
      throw UsageError(text("simulated V1: expected numbers from 0 to 1000, got ", value));
    }
  }
  if (!(options.refractory >= 0 && options.refractory <= 1)) {
    throw UsageError(text("refractory time: expected 0 to 1 s, got ", options.refractory));
  }
}

SimulatedV1::SimulatedV1(const SimulatedV1Options& options) : options_(options) {
  check(options);
  RandomStream random(hash_of({options.seed, 1}));
  const auto fields = natural_noise(options.seed);
  std::vector<at::Tensor> filters;
  for (std::int64_t number = 0; number < options.electrodes; ++number) {
    neurons_.push_back(neuron(random, number));
    filters.push_back(filter_of(neurons_.back(), neurons_.back().phase));
    filters.push_back(filter_of(neurons_.back(), neurons_.back().phase + pi / 2));
  }
  filters_ = at::stack(filters, 1);
  const auto drives = this->drives(fields);
  mean_ = drives.mean(0);
  deviation_ = drives.std(0);
}

at::Tensor SimulatedV1::drives(const at::Tensor& contrasts) const {
  const auto pairs = at::mm(contrasts, filters_).view({contrasts.size(0), -1, 2});
  const auto simple = pairs.select(2, 0), energy = pairs.square().sum(2).sqrt();
  const auto is_complex = at::arange(options_.electrodes).remainder(2).eq(1);
  return at::where(is_complex, energy, simple);
}

at::Tensor SimulatedV1::rates(const at::Tensor& pictures) const {
  const auto response = (drives(contrast_of(pictures, kSide)) - mean_) / deviation_;
  return options_.rate * at::softplus(options_.gain * response - kThreshold);
}

Presentation SimulatedV1::record(const at::Tensor& rates, double frame_rate,
                                 std::uint64_t presentation,
                                 std::vector<std::vector<bool>>* is_spike) const {
  const auto by_neuron = rates.to(at::kDouble).t().contiguous();
  const auto frames = rates.size(0);
  const double length = static_cast<double>(frames) / frame_rate;
  Presentation shown{0, 0, static_cast<std::int64_t>(presentation), {}};
  if (is_spike != nullptr) is_spike->assign(neurons_.size(), {});
  std::vector<float> noise_mean(kSnippetSamples);
  for (std::int64_t k = 0; k < kSnippetSamples; ++k) {
    noise_mean[static_cast<std::size_t>(k)] = static_cast<float>(
        -kNoiseDepth * std::exp(-std::pow((static_cast<double>(k) - 12) / 2, 2)));
  }
  for (std::size_t number = 0; number < neurons_.size(); ++number) {
    RandomStream random(hash_of({options_.seed, presentation, number, 2}));
    const auto* rate = by_neuron[static_cast<std::int64_t>(number)].const_data_ptr<double>();
    const auto* shape = neurons_[number].waveform.const_data_ptr<float>();
    Drawn drawn;
    const auto add = [&](double at, const float* mean, double scale, bool spike) {
      drawn.seconds.push_back(at);
      drawn.waveforms.push_back(noisy(mean, scale, options_.waveform_noise, random));
      drawn.is_spike.push_back(spike);
    };
    double free_from = 0;
    for (std::int64_t frame = 0; frame < frames; ++frame) {
      const double start = static_cast<double>(frame) / frame_rate, end = start + 1 / frame_rate;
      double at = std::max(start, free_from) - std::log(random.unit()) / rate[frame];
      for (; at < end; at += options_.refractory - std::log(random.unit()) / rate[frame]) {
        add(at + options_.latency + options_.latency_deviation * random.normal(), shape,
            1 + kAmplitudeJitter * random.normal(), true);
        free_from = at + options_.refractory;
      }
    }
    for (double at = -std::log(random.unit()) / options_.noise_rate; at < length;
         at -= std::log(random.unit()) / options_.noise_rate) {
      add(at, noise_mean.data(), 1, false);
    }
    shown.electrodes.push_back(
        drawn.in_order(is_spike == nullptr ? nullptr : &(*is_spike)[number]));
  }
  return shown;
}

}  // namespace neurosplat
