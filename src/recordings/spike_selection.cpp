#include "neurosplat/recordings/spike_selection.h"

#include <ATen/ATen.h>

namespace neurosplat {
namespace {

constexpr int kMostSteps = 100;

at::Tensor mean_of(const at::Tensor& waveforms, const at::Tensor& chosen) {
  if (!chosen.any().item<bool>()) return at::zeros({kSnippetSamples}, at::kFloat);
  return waveforms.index({chosen}).mean(0);
}

/// The waveform at a share of the order by mean magnitude.
at::Tensor waveform_at(const at::Tensor& waveforms, const at::Tensor& order, double share) {
  const auto last = static_cast<double>(order.numel() - 1);
  return waveforms[order[static_cast<std::int64_t>(share * last)].item<std::int64_t>()];
}

}  // namespace

SpikeSelection select_spikes(const at::Tensor& given) {
  const auto waveforms = given.to(at::kFloat);
  const auto magnitude = waveforms.abs().mean(1);
  auto is_spike = at::ones({given.size(0)}, at::kBool);
  if (given.size(0) > 1) {
    const auto order = magnitude.argsort(/*stable=*/true, 0, false);
    auto small = waveform_at(waveforms, order, 0.1), large = waveform_at(waveforms, order, 0.9);
    for (int step = 0; step < kMostSteps; ++step) {
      const auto nearer_large =
          (waveforms - large).square().sum(1) < (waveforms - small).square().sum(1);
      const bool settled = step > 0 && nearer_large.equal(is_spike);
      is_spike = nearer_large;
      if (settled) break;
      large = mean_of(waveforms, is_spike);
      small = mean_of(waveforms, ~is_spike);
    }
    if ((large.abs().mean() < small.abs().mean()).item<bool>()) is_spike = ~is_spike;
  }
  return {is_spike, mean_of(waveforms, is_spike), mean_of(waveforms, ~is_spike)};
}

std::vector<SpikeSelection> select_spikes(const Recording& recording) {
  std::vector<SpikeSelection> selections;
  for (std::int64_t electrode = 0; electrode < recording.electrodes; ++electrode) {
    std::vector<at::Tensor> waveforms;
    for (const auto& shown : recording.presentations) {
      waveforms.push_back(shown.electrodes.at(static_cast<std::size_t>(electrode)).waveforms);
    }
    selections.push_back(select_spikes(at::cat(waveforms)));
  }
  return selections;
}

}  // namespace neurosplat
