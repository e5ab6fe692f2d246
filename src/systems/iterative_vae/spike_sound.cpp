#include "neurosplat/systems/iterative_vae/spike_sound.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "systems/iterative_vae/matrix_checks.h"

namespace neurosplat {
namespace {

constexpr std::int64_t kMostSpikes = 1000;
constexpr double kLongestSound = 36000.0;  // seconds

void check_settings(const SpikeSoundSettings& s) {
  const auto positive = [](double value) { return std::isfinite(value) && value > 0; };
  if (s.rate >= 1 && positive(s.bin) && positive(s.speed) && positive(s.pop) && s.pop <= 1 &&
      positive(s.tone) && std::isfinite(s.decay) && s.decay >= 0 && positive(s.gain) &&
      s.gain <= 1) {
    return;
  }
  throw UsageError(text("expected positive numbers for the sound of spikes, pops of at most a ",
                        "second and a gain of at most 1, got rate ", s.rate, ", bin ", s.bin,
                        ", speed ", s.speed, ", pop ", s.pop, ", tone ", s.tone, ", decay ",
                        s.decay, " and gain ", s.gain, ": change them"));
}

void check_spikes(const at::Tensor& spikes, double seconds) {
  if (!spikes.defined() || spikes.scalar_type() != at::kLong || spikes.dim() != 1) {
    throw UsageError(text("expected int64 spikes [T], how many in each frame, got ",
                          described(spikes), ": give those of one neuron"));
  }
  if (seconds > kLongestSound) {
    throw UsageError(text("expected at most ", kLongestSound, " seconds of sound, got ", seconds,
                          ": take fewer frames"));
  }
  if (spikes.numel() == 0) return;
  const auto least = spikes.min().item<std::int64_t>(), most = spikes.max().item<std::int64_t>();
  if (least >= 0 && most <= kMostSpikes) return;
  throw UsageError(text("expected 0 to ", kMostSpikes, " spikes a frame, got ", least, " to ", most,
                        ": give counts"));
}

std::vector<double> pop_of(const SpikeSoundSettings& s) {
  std::vector<double> pop(static_cast<std::size_t>(std::lround(s.pop * s.rate)));
  for (std::size_t i = 0; i < pop.size(); ++i) {
    const double time = static_cast<double>(i) / s.rate;
    pop[i] = s.gain * std::exp(-s.decay * time / s.pop) *
             std::sin(2.0 * std::numbers::pi * s.tone * time);
  }
  return pop;
}

}  // namespace

double seconds_of_frame(const SpikeSoundSettings& settings) {
  return settings.bin / settings.speed;
}

at::Tensor spike_sound(const at::Tensor& spikes, std::uint64_t seed,
                       const SpikeSoundSettings& settings) {
  const c10::NoGradGuard no_grad;
  check_settings(settings);
  const double frame = seconds_of_frame(settings) * settings.rate;
  check_spikes(spikes,
               frame * static_cast<double>(spikes.defined() ? spikes.numel() : 0) / settings.rate);
  const auto length = std::llround(frame * static_cast<double>(spikes.numel()));
  const std::vector<double> pop = pop_of(settings);
  std::vector<double> sound(static_cast<std::size_t>(length));
  const at::Tensor counts = spikes.cpu().contiguous();
  const auto total = counts.sum().item<std::int64_t>();
  const at::Tensor places = at::rand({total}, at::detail::createCPUGenerator(seed), at::kDouble);
  const double* place = places.const_data_ptr<double>();
  for (std::int64_t t = 0; t < counts.numel(); ++t) {
    for (std::int64_t n = counts.const_data_ptr<std::int64_t>()[t]; n > 0; --n) {
      const auto start = static_cast<std::size_t>(frame * (static_cast<double>(t) + *place++));
      const std::size_t heard = start < sound.size() ? sound.size() - start : 0;
      for (std::size_t i = 0; i < std::min(pop.size(), heard); ++i) sound[start + i] += pop[i];
    }
  }
  const at::Tensor samples = at::from_blob(sound.data(), {length}, at::TensorOptions(at::kDouble));
  return samples.clamp(-1.0, 1.0).to(at::kFloat);
}

}  // namespace neurosplat
