#include "neurosplat/systems/iterative_vae/spike_triggered_average.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "systems/iterative_vae/matrix_checks.h"

namespace neurosplat {
namespace {

void check_sizes(std::int64_t lags, std::int64_t pixels, std::int64_t neurons,
                 std::int64_t warm_up) {
  if (lags >= 1 && pixels >= 1 && neurons >= 1 && warm_up >= 0) return;
  throw UsageError(text("expected at least 1 lag, pixel and neuron and a warm-up of at least 0 ",
                        "frames of a spike-triggered average, got ", lags, ", ", pixels, ", ",
                        neurons, " and ", warm_up, ": change them"));
}

void check_frames(const at::Tensor& stimuli, const at::Tensor& spikes, std::int64_t pixels,
                  std::int64_t neurons, const at::Tensor& history) {
  check_matrix("stimuli [T, B, M]", stimuli, 3);
  const std::int64_t trials = stimuli.size(1);
  const bool fit = spikes.defined() && spikes.dim() == 3 && spikes.size(0) == stimuli.size(0) &&
                   spikes.size(1) == trials && spikes.size(2) == neurons &&
                   stimuli.size(2) == pixels;
  if (!fit) {
    throw UsageError(text("expected stimuli [T, B, ", pixels, "] and spikes [T, B, ", neurons,
                          "] of the same frames and trials, got ", stimuli.sizes(), " and ",
                          described(spikes), ": give what the neurons saw and answered"));
  }
  if (history.defined() && history.size(1) != trials) {
    throw UsageError(text("expected the ", history.size(1), " trials that are under way, got ",
                          trials, ": end them first"));
  }
}

}  // namespace

SpikeTriggeredAverage::SpikeTriggeredAverage(std::int64_t lags, std::int64_t pixels,
                                             std::int64_t neurons, std::int64_t warm_up)
    : lags_(lags), warm_up_(warm_up) {
  check_sizes(lags, pixels, neurons, warm_up);
  sums_ = at::zeros({lags, neurons, pixels}, at::kDouble);
  spikes_ = at::zeros({neurons}, at::kDouble);
}

void SpikeTriggeredAverage::add(const at::Tensor& stimuli, const at::Tensor& spikes) {
  const c10::NoGradGuard no_grad;
  const std::int64_t neurons = sums_.size(1), pixels = sums_.size(2);
  check_frames(stimuli, spikes, pixels, neurons, history_);
  at::Tensor frames = stimuli.to(at::kCPU, at::kFloat);
  const std::int64_t known = history_.defined() ? history_.size(0) : 0;
  if (known > 0) frames = at::cat({history_, frames});

  // The first new frame whose spikes count.
  const std::int64_t first =
      std::clamp<std::int64_t>(std::max(warm_up_, lags_ - 1) - frames_, 0, stimuli.size(0));
  const std::int64_t count = stimuli.size(0) - first;
  if (count > 0) {
    const at::Tensor counted = spikes.narrow(0, first, count).to(at::kCPU, at::kFloat);
    const at::Tensor flat = counted.reshape({-1, neurons}).t();
    spikes_.add_(flat.sum(1, /*keepdim=*/false, at::kDouble));
    for (std::int64_t lag = 0; lag < lags_; ++lag) {
      const at::Tensor before = frames.narrow(0, known + first - lag, count).reshape({-1, pixels});
      sums_[lag].add_(at::mm(flat, before));
    }
  }
  frames_ += stimuli.size(0);
  const std::int64_t kept = std::min(lags_ - 1, frames.size(0));
  history_ = frames.narrow(0, frames.size(0) - kept, kept).clone();
}

void SpikeTriggeredAverage::end_trials() {
  history_ = at::Tensor();
  frames_ = 0;
}

at::Tensor SpikeTriggeredAverage::average() const {
  const c10::NoGradGuard no_grad;
  return sums_.transpose(0, 1) / spikes_.view({-1, 1, 1});
}

at::Tensor spike_triggered_average(const at::Tensor& stimuli, const at::Tensor& spikes,
                                   std::int64_t lags, std::int64_t warm_up) {
  check_matrix("stimuli [T, B, M]", stimuli, 3);
  check_matrix("spikes [T, B, K]", spikes, 3);
  SpikeTriggeredAverage sum(lags, stimuli.size(2), spikes.size(2), warm_up);
  sum.add(stimuli, spikes);
  return sum.average();
}

}  // namespace neurosplat
