#include "neurosplat/recordings/spike_counts.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"

namespace neurosplat {
namespace {

/// Rows of the result that are filled together, so that lines of the cache are written whole.
constexpr std::size_t kUnitsAtOnce = 16;

/// Bounds of the windows, each rising. A spike before a bound counts for it: the spikes of a window
/// are those before its end less those before its begin, whether windows overlap or not.
class Windows {
 public:
  Windows(std::span<const double> onsets, CountWindow window) : order_(onsets.size()) {
    if (!(window.to > window.from) || !std::isfinite(window.from) || !std::isfinite(window.to)) {
      throw UsageError(
          text("window: expected seconds from, then to, got ", window.from, " to ", window.to));
    }
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    const auto later = [&](auto one, auto other) { return onsets[one] < onsets[other]; };
    if (!std::is_sorted(order_.begin(), order_.end(), later)) {
      std::stable_sort(order_.begin(), order_.end(), later);
    }
    for (const auto place : order_) {
      if (!std::isfinite(onsets[place])) {
        throw Error(text("onsets: expected seconds, got ", onsets[place]));
      }
      begins_.push_back(onsets[place] + window.from);
      ends_.push_back(onsets[place] + window.to);
    }
  }

  std::size_t size() const { return order_.size(); }
  const std::vector<double>& begins() const { return begins_; }
  const std::vector<double>& ends() const { return ends_; }
  std::size_t onset(std::size_t window) const { return order_[window]; }

 private:
  std::vector<std::size_t> order_;
  std::vector<double> begins_, ends_;
};

/// How many of a unit's spikes come before each of rising bounds; spikes come in pieces.
class Before {
 public:
  explicit Before(const std::vector<double>& bounds) : bounds_(&bounds) {}

  /// Calls found(bound, spikes before it) for bounds that are decided.
  template <class Found>
  void add(std::span<const double> spikes, const Found& found) {
    const auto& bounds = *bounds_;
    const auto* const first = spikes.data();
    const auto* const end = first + spikes.size();
    const auto* spike = first;
    for (; next_ < bounds.size() && bounds[next_] <= spikes.back(); ++next_) {
      spike = not_before(spike, end, bounds[next_]);
      found(next_, seen_ + (spike - first));
    }
    seen_ += std::ssize(spikes);
  }

  /// No spike follows.
  template <class Found>
  void finish(const Found& found) {
    for (; next_ < bounds_->size(); ++next_) found(next_, seen_);
    next_ = 0;
    seen_ = 0;
  }

 private:
  /// The first spike from `bound` on, by steps that double: near ones are found in few.
  static const double* not_before(const double* spike, const double* end, double bound) {
    std::ptrdiff_t step = 1;
    while (step <= end - spike && spike[step - 1] < bound) {
      spike += step;
      step *= 2;
    }
    return std::lower_bound(spike, spike + std::min(step, end - spike), bound);
  }

  const std::vector<double>* bounds_;
  std::size_t next_ = 0;
  std::int64_t seen_ = 0;
};

class UnitCounter {
 public:
  explicit UnitCounter(const Windows& windows) : begins_(windows.begins()), ends_(windows.ends()) {}

  /// Of each window in the order of begins; `counts` are 0 before.
  void add(std::span<const double> spikes, std::span<std::int64_t> counts) {
    begins_.add(spikes, [&](std::size_t i, std::int64_t before) { counts[i] -= before; });
    ends_.add(spikes, [&](std::size_t i, std::int64_t before) { counts[i] += before; });
  }

  void finish(std::span<std::int64_t> counts) {
    begins_.finish([&](std::size_t i, std::int64_t before) { counts[i] -= before; });
    ends_.finish([&](std::size_t i, std::int64_t before) { counts[i] += before; });
  }

 private:
  Before begins_, ends_;
};

std::int32_t as_int32(std::int64_t count) {
  if (count > std::numeric_limits<std::int32_t>::max()) {
    throw Error(text("expected fewer spikes in a window than 2^31, got ", count));
  }
  return static_cast<std::int32_t>(count);
}

/// Counts of a few units, which are then spread over the rows of the result.
class Columns {
 public:
  Columns(const Windows& windows, std::size_t units)
      : windows_(&windows),
        units_(units),
        counts_(kUnitsAtOnce * windows.size()),
        result_(windows.size() * units) {}

  /// A new column, zeros.
  void begin(std::size_t unit) {
    if (places_.size() == kUnitsAtOnce) flush();
    places_.push_back(unit);
    const auto column = current();
    std::fill(column.begin(), column.end(), 0);
  }
  std::span<std::int64_t> current() {
    return std::span(counts_).subspan((places_.size() - 1) * windows_->size(), windows_->size());
  }
  std::vector<std::int32_t> take() {
    flush();
    return std::move(result_);
  }

 private:
  void flush() {
    const auto windows = windows_->size();
    for (std::size_t i = 0; i < windows; ++i) {
      auto* const row = result_.data() + windows_->onset(i) * units_;
      for (std::size_t k = 0; k < places_.size(); ++k) {
        row[places_[k]] = as_int32(counts_[k * windows + i]);
      }
    }
    places_.clear();
  }

  const Windows* windows_;
  std::size_t units_;
  std::vector<std::size_t> places_;
  std::vector<std::int64_t> counts_;  // [kUnitsAtOnce, windows]
  std::vector<std::int32_t> result_;  // [onsets, units]
};

}  // namespace

std::vector<std::int32_t> count_spikes(const NwbFile& file, std::span<const std::size_t> units,
                                       std::span<const double> onsets, CountWindow window) {
  const Windows windows(onsets, window);
  if (!units.empty() && windows.size() > (std::size_t{1} << 40U) / units.size()) {
    throw Error(text("expected counts that fit memory, got ", windows.size(), " onsets of ",
                     units.size(), " units: choose fewer"));
  }
  Columns columns(windows, units.size());
  UnitCounter counter(windows);
  auto current = units.size();  // none
  file.visit_spikes(units, [&](std::size_t place, std::span<const double> seconds) {
    if (place != current) {
      if (current < units.size()) counter.finish(columns.current());
      current = place;
      columns.begin(place);
    }
    counter.add(seconds, columns.current());
  });
  if (current < units.size()) counter.finish(columns.current());
  return columns.take();
}

std::vector<std::int32_t> count_spikes(std::span<const double> spikes,
                                       std::span<const double> onsets, CountWindow window) {
  const Windows windows(onsets, window);
  std::vector<std::int64_t> counts(windows.size());
  UnitCounter counter(windows);
  if (!spikes.empty()) counter.add(spikes, counts);
  counter.finish(counts);
  std::vector<std::int32_t> result(windows.size());
  for (std::size_t i = 0; i < counts.size(); ++i) result[windows.onset(i)] = as_int32(counts[i]);
  return result;
}

}  // namespace neurosplat
