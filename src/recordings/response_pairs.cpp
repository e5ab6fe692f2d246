#include "neurosplat/recordings/response_pairs.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>

#include "neurosplat/core/error.h"
#include "neurosplat/recordings/pvc1.h"

namespace neurosplat {
namespace {

/// A spike of one presentation and where its waveform lies.
struct Spike {
  double seconds;
  std::int64_t frame;
  const std::int8_t* waveform;
};
using Spikes = std::vector<std::vector<Spike>>;  // by electrode, in order of time

class Pairs {
 public:
  Pairs(const std::vector<SpikeSelection>& selections, std::int64_t electrodes)
      : electrodes_(electrodes), noise_(at::empty({electrodes, kSnippetSamples}, at::kChar)) {
    for (std::int64_t i = 0; i < electrodes; ++i) {
      noise_[i].copy_(selections[static_cast<std::size_t>(i)].noise_mean.round());
    }
  }

  /// `spikes`: of each electrode, null where there is none.
  void add(const std::vector<const Spike*>& spikes, std::int64_t frame) {
    const auto start = waveforms_.size();
    const auto* noise = noise_.const_data_ptr<std::int8_t>();
    waveforms_.insert(waveforms_.end(), noise, noise + noise_.numel());
    for (std::size_t electrode = 0; electrode < spikes.size(); ++electrode) {
      if (spikes[electrode] == nullptr) continue;
      std::memcpy(waveforms_.data() + start + electrode * kSnippetSamples,
                  spikes[electrode]->waveform, kSnippetSamples);
    }
    frames_.push_back(frame);
  }

  ResponsePairs take() const {
    ResponsePairs pairs{at::empty({std::ssize(frames_), electrodes_, kSnippetSamples}, at::kChar),
                        at::empty({std::ssize(frames_)}, at::kLong)};
    std::copy(waveforms_.begin(), waveforms_.end(),
              pairs.waveforms.mutable_data_ptr<std::int8_t>());
    std::copy(frames_.begin(), frames_.end(), pairs.frame.mutable_data_ptr<std::int64_t>());
    return pairs;
  }

 private:
  std::int64_t electrodes_;
  at::Tensor noise_;
  std::vector<std::int8_t> waveforms_;
  std::vector<std::int64_t> frames_;
};

void add_by_frame(Pairs& pairs, const Spikes& spikes, const FrameRange& range) {
  std::vector<std::size_t> next(spikes.size());
  for (std::int64_t frame = 0; frame < range.count; ++frame) {
    std::vector<const Spike*> first(spikes.size());
    bool any = false;
    for (std::size_t electrode = 0; electrode < spikes.size(); ++electrode) {
      const auto& mine = spikes[electrode];
      auto& place = next[electrode];
      while (place < mine.size() && mine[place].frame < frame) ++place;
      if (place == mine.size() || mine[place].frame != frame) continue;
      first[electrode] = &mine[place];
      any = true;
    }
    if (any) pairs.add(first, range.first + frame);
  }
}

/// The spike of `mine` nearest to a time, where it is within reach.
const Spike* nearest(const std::vector<Spike>& mine, double seconds, double reach) {
  const auto after =
      std::lower_bound(mine.begin(), mine.end(), seconds,
                       [](const Spike& spike, double time) { return spike.seconds < time; });
  const Spike* best = nullptr;
  const auto try_one = [&](const Spike& spike) {
    const double away = std::abs(spike.seconds - seconds);
    if (away <= reach && (best == nullptr || away < std::abs(best->seconds - seconds)))
      best = &spike;
  };
  if (after != mine.end()) try_one(*after);
  if (after != mine.begin()) try_one(*std::prev(after));
  return best;
}

void add_by_spike(Pairs& pairs, const Spikes& spikes, const FrameRange& range, double reach) {
  for (std::size_t electrode = 0; electrode < spikes.size(); ++electrode) {
    for (const auto& spike : spikes[electrode]) {
      std::vector<const Spike*> together(spikes.size());
      for (std::size_t other = 0; other < spikes.size(); ++other) {
        together[other] =
            other == electrode ? &spike : nearest(spikes[other], spike.seconds, reach);
      }
      pairs.add(together, range.first + spike.frame);
    }
  }
}

}  // namespace

ResponsePairs pair_responses(const Recording& recording,
                             const std::vector<SpikeSelection>& selections,
                             const FrameRanges& ranges, const PairingOptions& options) {
  if (std::ssize(selections) != recording.electrodes) {
    throw Error("expected a selection of spikes for each electrode");
  }
  Pairs pairs(selections, recording.electrodes);
  std::vector<std::int64_t> seen(selections.size());  // crossings of earlier presentations
  for (const auto& shown : recording.presentations) {
    const auto range = ranges.find({shown.movie, shown.segment});
    Spikes spikes(selections.size());
    for (std::size_t electrode = 0; electrode < selections.size(); ++electrode) {
      const auto& crossings = shown.electrodes.at(electrode);
      const auto count = std::ssize(crossings.seconds);
      const auto first = std::exchange(seen[electrode], seen[electrode] + count);
      if (range == ranges.end()) continue;
      const auto* chosen = selections[electrode].is_spike.const_data_ptr<bool>() + first;
      const auto* waveform = crossings.waveforms.const_data_ptr<std::int8_t>();
      for (std::int64_t i = 0; i < count; ++i) {
        const double seconds = crossings.seconds[static_cast<std::size_t>(i)];
        const auto frame = frame_answered(seconds, options.frame_rate, options.latency);
        if (!chosen[i] || frame < 0 || frame >= range->second.count) continue;
        spikes[electrode].push_back({seconds, frame, waveform + i * kSnippetSamples});
      }
    }
    if (range == ranges.end()) continue;
    if (options.pairing == Pairing::kFrame) {
      add_by_frame(pairs, spikes, range->second);
    } else {
      add_by_spike(pairs, spikes, range->second, options.coincidence);
    }
  }
  return pairs.take();
}

}  // namespace neurosplat
