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

/// Units that are spread over the rows of the result together, so that lines of the cache are
/// written whole.
constexpr std::size_t kUnitsAtOnce = 64;

/// Cells of time that a table has at most, and for each onset.
constexpr double kMostCells = 1U << 20U, kCellsPerOnset = 32;

/// Windows in order of time, and where a time lies among their begins and ends.
class Windows {
 public:
  Windows(std::span<const double> onsets, CountWindow window);

  std::size_t size() const { return order_.size(); }
  std::size_t onset(std::size_t window) const { return order_[window]; }
  /// Adds 1 to `changes` [windows + 1] at the number of ends up to each spike and takes it at the
  /// number of begins: window i then has the sum of the first i + 1, whether windows overlap or
  /// not.
  void add(std::span<const double> spikes, std::span<std::int32_t> changes) const;

 private:
  /// Bounds in the cells before one.
  struct Cell {
    std::uint32_t begins = 0, ends = 0;
  };
  std::size_t cell(double seconds) const {
    const double place = (seconds - origin_) * per_second_;
    return place > 0 ? static_cast<std::size_t>(std::min(place, last_cell_)) : 0;
  }
  void tabulate();
  template <bool kAtMostOne>
  void add_each(std::span<const double> spikes, std::int32_t* changes) const;

  std::vector<std::size_t> order_;
  std::vector<double> begins_, ends_;  // rising, infinity after the last
  std::vector<Cell> cells_;
  double origin_ = 0, per_second_ = 0, last_cell_ = 0;
  bool at_most_one_ = true;  // begin and end in each cell
};

Windows::Windows(std::span<const double> onsets, CountWindow window) : order_(onsets.size()) {
  if (!(window.to > window.from) || !std::isfinite(window.from) || !std::isfinite(window.to)) {
    throw UsageError(
        text("window: expected seconds from, then to, got ", window.from, " to ", window.to));
  }
  if (onsets.size() > std::numeric_limits<std::int32_t>::max()) {
    throw Error(text("onsets: expected fewer than 2^31, got ", onsets.size()));
  }
  for (const double onset : onsets) {
    if (!std::isfinite(onset)) throw Error(text("onsets: expected seconds, got ", onset));
  }
  std::iota(order_.begin(), order_.end(), std::size_t{0});
  std::stable_sort(order_.begin(), order_.end(),
                   [&](auto one, auto other) { return onsets[one] < onsets[other]; });
  for (const auto place : order_) {
    begins_.push_back(onsets[place] + window.from);
    ends_.push_back(onsets[place] + window.to);
  }
  if (!order_.empty()) tabulate();
  begins_.push_back(std::numeric_limits<double>::infinity());
  ends_.push_back(std::numeric_limits<double>::infinity());
}

/// Cells as narrow as the smallest gap hold one begin and one end; there is a limit to their
/// number.
void Windows::tabulate() {
  double gap = std::numeric_limits<double>::infinity();
  for (std::size_t i = 1; i < begins_.size(); ++i) {
    if (begins_[i] > begins_[i - 1]) gap = std::min(gap, begins_[i] - begins_[i - 1]);
  }
  origin_ = begins_.front();
  const double length = ends_.back() - origin_;
  const double most = std::min(kMostCells, kCellsPerOnset * static_cast<double>(size()) + 1024);
  // Narrower than the gap, for bounds and cells are rounded.
  const double cells = std::clamp(std::ceil(1.01 * length / gap), 1.0, most);
  cells_.resize(static_cast<std::size_t>(cells) + 1);
  last_cell_ = cells;
  per_second_ = length > 0 ? cells / length : 0;
  for (const double begin : begins_) ++cells_[cell(begin)].begins;
  for (const double end : ends_) ++cells_[cell(end)].ends;
  Cell before;
  for (auto& one : cells_) {
    at_most_one_ = at_most_one_ && one.begins <= 1 && one.ends <= 1;
    const auto here = std::exchange(one, before);
    before = {before.begins + here.begins, before.ends + here.ends};
  }
}

template <bool kAtMostOne>
void Windows::add_each(std::span<const double> spikes, std::int32_t* changes) const {
  const auto* const begins = begins_.data();
  const auto* const ends = ends_.data();
  for (const double spike : spikes) {
    auto [begin, end] = cells_[cell(spike)];
    if constexpr (kAtMostOne) {
      begin += begins[begin] <= spike ? 1U : 0U;
      end += ends[end] <= spike ? 1U : 0U;
    } else {
      while (begins[begin] <= spike) ++begin;
      while (ends[end] <= spike) ++end;
    }
    ++changes[end];
    --changes[begin];
  }
}

void Windows::add(std::span<const double> spikes, std::span<std::int32_t> changes) const {
  if (order_.empty()) return;
  // Before the first window and after the last both numbers are the same.
  const auto first = std::lower_bound(spikes.begin(), spikes.end(), begins_.front());
  const auto last = std::lower_bound(first, spikes.end(), ends_[ends_.size() - 2]);
  if (at_most_one_) {
    add_each<true>({first, last}, changes.data());
  } else {
    add_each<false>({first, last}, changes.data());
  }
}

void check_size(std::uint64_t spikes) {
  if (spikes <= std::numeric_limits<std::int32_t>::max()) return;
  throw Error(text("expected units with fewer than 2^31 spikes, got ", spikes));
}

/// Changes of a few units, whose sums are then spread over the rows of the result.
class Columns {
 public:
  Columns(const Windows& windows, std::size_t units)
      : windows_(&windows),
        units_(units),
        changes_(kUnitsAtOnce * stride()),
        result_(windows.size() * units) {}

  /// The next column, zeros.
  void begin(std::size_t unit) {
    if (places_.size() == kUnitsAtOnce) flush();
    places_.push_back(unit);
    const auto column = current();
    std::fill(column.begin(), column.end(), 0);
  }
  std::span<std::int32_t> current() {
    return std::span(changes_).subspan((places_.size() - 1) * stride(), stride());
  }
  std::vector<std::int32_t> take() {
    flush();
    return std::move(result_);
  }

 private:
  std::size_t stride() const { return windows_->size() + 1; }
  void flush() {
    for (std::size_t k = 0; k < places_.size(); ++k) {
      const auto column = std::span(changes_).subspan(k * stride(), stride());
      std::partial_sum(column.begin(), column.end(), column.begin());
    }
    for (std::size_t i = 0; i < windows_->size(); ++i) {
      auto* const row = result_.data() + windows_->onset(i) * units_;
      for (std::size_t k = 0; k < places_.size(); ++k) {
        row[places_[k]] = changes_[k * stride() + i];
      }
    }
    places_.clear();
  }

  const Windows* windows_;
  std::size_t units_;
  std::vector<std::size_t> places_;
  std::vector<std::int32_t> changes_;  // [kUnitsAtOnce, windows + 1]
  std::vector<std::int32_t> result_;   // [onsets, units]
};

}  // namespace

std::vector<std::int32_t> count_spikes(const NwbFile& file, std::span<const std::size_t> units,
                                       std::span<const double> onsets, CountWindow window) {
  const Windows windows(onsets, window);
  if (!units.empty() && windows.size() > (std::size_t{1} << 40U) / units.size()) {
    throw Error(text("expected counts that fit memory, got ", windows.size(), " onsets of ",
                     units.size(), " units: choose fewer"));
  }
  for (const auto unit : units) {
    if (unit < file.units().size()) check_size(file.units().spikes[unit]);
  }
  Columns columns(windows, units.size());
  auto current = units.size();  // none
  file.visit_spikes(units, [&](std::size_t place, std::span<const double> seconds) {
    if (place != current) columns.begin(place);
    current = place;
    windows.add(seconds, columns.current());
  });
  return columns.take();
}

std::vector<std::int32_t> count_spikes(std::span<const double> spikes,
                                       std::span<const double> onsets, CountWindow window) {
  const Windows windows(onsets, window);
  check_size(spikes.size());
  Columns columns(windows, 1);
  columns.begin(0);
  windows.add(spikes, columns.current());
  return columns.take();
}

}  // namespace neurosplat
