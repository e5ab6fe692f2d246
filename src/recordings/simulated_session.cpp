#include "neurosplat/recordings/simulated_session.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "neurosplat/core/error.h"
#include "neurosplat/core/random_stream.h"
#include "neurosplat/core/text.h"
#include "recordings/gabor.h"

namespace neurosplat {
namespace {

using std::numbers::pi;

/// Pictures are seen at this side, whatever theirs is.
constexpr std::int64_t kSide = 64;
constexpr double kLeastRate = 2, kMostRate = 20;  ///< Hz, of good and bad units
constexpr double kBlank = 0.5;                    ///< of a unit's mean rate
constexpr double kDriftPeriod = 900, kTail = 1;   ///< seconds
constexpr double kMostResponse = 3;               ///< deviations
constexpr std::int64_t kChannels = 96;            ///< of a probe; one in 16 is not valid
constexpr std::int64_t kRules = 5;

/// Receptive fields' size relative to the first area's, exponent of the nonlinearity.
struct Area {
  double size, gain;
};
constexpr std::array<Area, 6> kAreas = {
    {{1, 0.9}, {1.3, 0.72}, {1.5, 0.58}, {1.6, 0.46}, {2, 0.37}, {2.2, 0.29}}};

enum class Fault { kNone, kCutoff, kPresence, kViolations, kQuality, kElectrode, kEmpty };

struct Planned {
  std::size_t area;
  std::int64_t place;  ///< among the area's good units
  Fault fault;
};

template <class Value>
void shuffle(std::vector<Value>& values, RandomStream& random) {
  for (std::size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[random.below(i)]);
}

std::vector<Planned> plan(const SimulatedSessionOptions& options, RandomStream& random) {
  std::vector<Planned> units;
  for (std::size_t area = 0; area < kAreas.size(); ++area) {
    for (std::int64_t i = 0; i < options.units; ++i) units.push_back({area, i, Fault::kNone});
  }
  for (std::int64_t i = 0; i < options.bad_units; ++i) {
    units.push_back({static_cast<std::size_t>(i) % kAreas.size(), i % options.units,
                     static_cast<Fault>(1 + i % kRules)});
  }
  shuffle(units, random);
  units.insert(units.end() - 1, {0, 0, Fault::kEmpty});
  return units;
}

bool is_valid(std::int64_t channel) {
  return channel % 16 != 5;
}

/// Ids are none of their rows.
std::int64_t channel_id(std::size_t probe, std::int64_t channel) {
  return 850'000'000 + 1000 * static_cast<std::int64_t>(probe) + 2 * channel;
}

NwbUnit described(std::int64_t id, const Planned& planned, RandomStream& random) {
  const auto wrong = [&](Fault fault) { return planned.fault == fault; };
  std::int64_t channel = 0;
  do {
    channel = static_cast<std::int64_t>(random.below(kChannels));
  } while (is_valid(channel) == wrong(Fault::kElectrode));
  NwbUnit unit;
  unit.id = id;
  unit.peak_channel = channel_id(planned.area, channel);
  unit.quality = wrong(Fault::kQuality) ? "noise" : "good";
  unit.amplitude_cutoff =
      wrong(Fault::kCutoff) ? random.between(0.2F, 0.5F) : random.between(0, 0.09F);
  unit.presence_ratio =
      wrong(Fault::kPresence) ? random.between(0.3F, 0.9F) : random.between(0.96F, 1);
  unit.isi_violations =
      wrong(Fault::kViolations) ? random.between(0.6F, 5) : random.between(0, 0.45F);
  unit.snr = 1.5 + 3 * kAreas[planned.area].gain + random.between(-0.3F, 0.3F);
  return unit;
}

/// Responses to the pictures in deviations: the energy of a complex cell, or a simple one's filter.
at::Tensor tuning(const at::Tensor& contrasts, const Planned& planned, RandomStream& random) {
  const auto& area = kAreas[planned.area];
  GaborPlace place{};
  place.frequency = std::exp2(random.between(0.6F, 2.6F)) / area.size;  // 1.5 to 6 in the first
  place.orientation = random.between(0, static_cast<float>(pi));
  place.x = random.between(0.25F, 0.75F);
  place.y = random.between(0.25F, 0.75F);
  place.size = 0.4 / place.frequency;
  const double phase = random.between(0, static_cast<float>(2 * pi));
  const auto seen = [&](double at) { return contrasts.mv(gabor_filter(place, at, kSide)); };
  const auto first = seen(phase);
  const auto drive =
      planned.place % 2 == 0 ? first : (first.square() + seen(phase + pi / 2).square()).sqrt();
  const auto deviation = drive.std(0, /*unbiased=*/false).clamp_min(1e-6);
  return ((drive - drive.mean()) / deviation).clamp(-kMostResponse, kMostResponse).to(at::kDouble);
}

/// Evenly spread over the area's units on a scale of ratios, so that no area has the faster ones.
double base_rate(const Planned& planned, std::int64_t units, RandomStream& random) {
  const double share =
      (static_cast<double>(planned.place) + random.unit()) / static_cast<double>(units);
  return kLeastRate * std::pow(kMostRate / kLeastRate, share);
}

NwbPresentations schedule(const SimulatedSessionOptions& options, std::int64_t pictures,
                          RandomStream& random) {
  NwbPresentations shown;
  shown.name = "natural_scenes_presentations";
  for (std::int64_t block = 0; block < options.repeats; ++block) {
    std::vector<std::int64_t> order;
    for (std::int64_t picture = 0; picture < pictures; ++picture) order.push_back(picture);
    for (auto blank = block; blank < options.blanks; blank += options.repeats) order.push_back(-1);
    shuffle(order, random);
    for (const auto picture : order) {
      shown.start.push_back(options.spontaneous +
                            static_cast<double>(shown.start.size()) * options.presentation);
      shown.picture.push_back(picture);
      shown.block.push_back(block);
    }
  }
  shown.stop.assign(shown.start.begin() + 1, shown.start.end());
  shown.stop.push_back(shown.start.back() + options.presentation);
  return shown;
}

std::vector<NwbElectrode> electrodes() {
  std::vector<NwbElectrode> all;
  for (std::size_t probe = 0; probe < kAreas.size(); ++probe) {
    for (std::int64_t channel = 0; channel < kChannels; ++channel) {
      const auto depth = static_cast<double>(channel);
      all.push_back({channel_id(probe, channel), kVisualAreas[probe],
                     std::string("probe") + static_cast<char>('A' + probe),
                     8000 + 100 * static_cast<double>(probe), 1000 + 10 * depth, 9000, 20 * depth,
                     is_valid(channel)});
    }
  }
  return all;
}

/// Variance of the logarithm of the shared gain at an expected count: counts then have the
/// correlation, for the variance beside Poisson's is correlation / (1 - correlation) of the mean.
double gain_variance(double expected, double correlation) {
  return std::log1p(correlation / (1 - correlation) / expected);
}

}  // namespace

void check(const SimulatedSessionOptions& options) {
  const auto within = [](const char* name, auto value, auto least, auto most) {
    if (!(value >= least && value <= most)) {
      throw UsageError(text(name, ": expected ", least, " to ", most, ", got ", value));
    }
  };
  within("units", options.units, std::int64_t{1}, std::int64_t{10'000});
  within("bad units", options.bad_units, std::int64_t{0}, std::int64_t{10'000});
  within("repeats", options.repeats, std::int64_t{1}, std::int64_t{10'000});
  within("blanks", options.blanks, std::int64_t{0}, std::int64_t{100'000});
  within("presentation", options.presentation, 0.01, 60.0);
  within("latency", options.latency, 0.0, 1.0);
  within("spontaneous", options.spontaneous, 1.0, 1e5);
  within("correlation", options.correlation, 0.0, 0.5);
  within("drift", options.drift, 0.0, 0.5);
}

SimulatedSession::SimulatedSession(const at::Tensor& pictures,
                                   const SimulatedSessionOptions& options)
    : options_(options) {
  check(options);
  const auto contrasts = contrast_of(pictures, kSide);
  if (contrasts.size(0) < 2) throw UsageError("pictures: expected from 2 on, got fewer");
  RandomStream random(hash_of({options.seed, 1}));
  const auto planned = plan(options, random);
  session_.identifier = text("simulated-", options.seed);
  session_.subject = "no-animal";
  session_.description = "Simulated Neuropixels session: pictures shown to a mouse";
  for (std::size_t probe = 0; probe < kAreas.size(); ++probe) {
    session_.probes.push_back(std::string("probe") + static_cast<char>('A' + probe));
  }
  session_.electrodes = electrodes();
  session_.presentations.push_back(schedule(options, contrasts.size(0), random));
  session_.seconds = presentations().stop.back() + options.latency + kTail;
  session_.presentations.push_back(
      {"spontaneous_presentations", {0.5}, {options.spontaneous}, {}, {}});
  std::vector<at::Tensor> rates;
  for (const auto& unit : planned) {
    const auto row = session_.units.size();
    session_.units.push_back(
        described(951'000'000 + 3 * static_cast<std::int64_t>(row), unit, random));
    areas_.emplace_back(kVisualAreas[unit.area]);
    if (unit.fault == Fault::kNone) good_.push_back(row);
    const bool empty = unit.fault == Fault::kEmpty;
    base_.push_back(empty ? 0 : base_rate(unit, options.units, random));
    const auto tuned = (kAreas[unit.area].gain * tuning(contrasts, unit, random)).exp();
    rates.push_back(base_.back() * tuned / tuned.mean());
  }
  rates_ = at::stack(rates, 1);
  for (std::size_t i = 0; i < presentations().start.size(); ++i) gain_.push_back(random.normal());
}

at::Tensor SimulatedSession::mean_counts(double seconds) const {
  return rates_ * seconds;
}

double SimulatedSession::drift_of(std::size_t unit, double seconds) const {
  RandomStream random(hash_of({options_.seed, unit, 3}));
  return 1 + options_.drift * std::sin(2 * pi * (seconds / kDriftPeriod + random.unit()));
}

std::vector<double> SimulatedSession::spike_times(std::size_t unit) const {
  std::vector<double> spikes;
  if (base_.at(unit) == 0) return spikes;
  RandomStream random(hash_of({options_.seed, unit, 2}));
  const auto rates = rates_.select(1, static_cast<std::int64_t>(unit)).contiguous();
  const auto* rate_of = rates.const_data_ptr<double>();
  const auto& shown = presentations();
  // A Poisson process in time measured by expected spikes: steps of mean 1.
  double left = -std::log(random.unit());
  const auto fire = [&](double from, double to, double rate) {
    double at = from + left / rate;
    for (; at < to; at += left / rate) {
      spikes.push_back(at);
      left = -std::log(random.unit());
    }
    left = (at - to) * rate;
  };
  const double blank = kBlank * base_[unit];
  fire(0, options_.spontaneous + options_.latency, blank * drift_of(unit, 0));
  for (std::size_t i = 0; i < shown.start.size(); ++i) {
    const double from = shown.start[i] + options_.latency, to = shown.stop[i] + options_.latency;
    const double rate =
        drift_of(unit, from) * (shown.picture[i] < 0 ? blank : rate_of[shown.picture[i]]);
    const double variance = gain_variance(rate * options_.presentation, options_.correlation);
    fire(from, to, rate * std::exp(std::sqrt(variance) * gain_[i] - variance / 2));
  }
  fire(shown.stop.back() + options_.latency, session_.seconds, blank);
  return spikes;
}

double SimulatedSession::identification_bound(std::span<const std::size_t> units,
                                              std::int64_t repeats, double seconds,
                                              std::int64_t draws, std::uint64_t seed) const {
  if (units.empty() || repeats < 1 || draws < 1 || !(seconds > 0) ||
      seconds > options_.presentation) {
    throw UsageError(text("bound: expected units, repeats, draws and 0 to ", options_.presentation,
                          " s, got ", units.size(), ", ", repeats, ", ", draws, " and ", seconds));
  }
  std::vector<std::int64_t> columns(units.begin(), units.end());
  const auto rates = rates_.index_select(1, at::tensor(columns, at::kLong)).clamp_min(1e-9);
  RandomStream random(hash_of({seed, 4}));
  auto generator = at::detail::createCPUGenerator(hash_of({seed, 5}));
  const auto pictures = rates.size(0), count = rates.size(1);
  const double extra = options_.correlation / (1 - options_.correlation);
  std::int64_t right = 0;
  for (std::int64_t draw = 0; draw < draws; ++draw) {
    const auto shown =
        static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(pictures)));
    auto drift = at::empty({repeats, 1, count}, at::kDouble);
    auto gain = at::empty({repeats, 1, 1}, at::kDouble);
    auto* into = drift.mutable_data_ptr<double>();
    for (std::int64_t repeat = 0; repeat < repeats; ++repeat) {
      const double at = session_.seconds * random.unit();
      for (const auto unit : units) *into++ = drift_of(unit, at);
      gain.mutable_data_ptr<double>()[repeat] = random.normal();
    }
    const auto drifted = rates * drift;  // [repeats, P, units]
    const auto variance = (extra / (drifted * options_.presentation)).log1p();
    const auto expected = drifted * (variance.sqrt() * gain - variance / 2).exp() * seconds;
    const auto counts = at::poisson(expected.select(1, shown), generator).unsqueeze(1);
    const auto likelihood = (counts * expected.log() - expected).sum(at::IntArrayRef({0, 2}));
    right += likelihood.argmax().item<std::int64_t>() == shown ? 1 : 0;
  }
  return static_cast<double>(right) / static_cast<double>(draws);
}

void SimulatedSession::write(const std::filesystem::path& file) const {
  write_nwb(file, session_, [this](std::size_t unit) { return spike_times(unit); });
}

}  // namespace neurosplat
