#include "neurosplat/recordings/spike_counts.h"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <limits>
#include <mutex>
#include <numeric>
#include <system_error>
#include <thread>
#include <utility>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "recordings/count_windows.h"

namespace neurosplat {
namespace {

/// Units that are spread over the rows of the result together, so that lines of the cache are
/// written whole. A thread takes as many at a time.
constexpr std::size_t kUnitsAtOnce = 16;
constexpr std::size_t kRowsAhead = 16;
/// Threads where nobody says how many; memory is read no faster by more.
constexpr std::size_t kMostThreads = 8;

void check_size(std::uint64_t spikes) {
  if (spikes <= std::numeric_limits<std::int32_t>::max()) return;
  throw Error(text("expected units with fewer than 2^31 spikes, got ", spikes));
}

/// On large pages where the system has them: threads write all over it.
std::vector<std::int32_t> zeros(std::size_t count) {
  std::vector<std::int32_t> values;
  values.reserve(count);
#ifdef MADV_HUGEPAGE
  constexpr std::uintptr_t kPage = 1U << 21U;
  const auto begin = reinterpret_cast<std::uintptr_t>(values.data());
  const auto first = (begin + kPage - 1) / kPage * kPage;
  const auto last = (begin + count * sizeof(std::int32_t)) / kPage * kPage;
  // A wish, which may fail.
  if (first < last) madvise(reinterpret_cast<void*>(first), last - first, MADV_HUGEPAGE);
#endif
  values.resize(count);
  return values;
}

/// Counts of a few units, which are then spread over the rows of the result, int32 [onsets, units].
class Columns {
 public:
  Columns(const CountWindows& windows, std::span<std::int32_t> result)
      : windows_(&windows),
        result_(result),
        marks_(windows.marks()),
        counts_(kUnitsAtOnce * windows.size()) {}

  /// More spikes of the unit whose column of the result this is; a unit's come one after the other.
  void add(std::size_t column, std::span<const double> spikes) {
    if (places_.empty() || places_.back() != column) {
      finish_unit();
      if (places_.size() == kUnitsAtOnce) spread();
      places_.push_back(column);
    }
    windows_->mark(spikes, seen_, marks_);
    seen_ += static_cast<std::int32_t>(spikes.size());
  }
  void finish() {
    finish_unit();
    spread();
  }

 private:
  void finish_unit() {
    if (places_.empty()) return;
    const auto size = windows_->size();
    windows_->count(marks_, std::span(counts_).subspan((places_.size() - 1) * size, size));
    seen_ = 0;
  }
  void spread() {
    if (places_.empty()) return;
    const auto size = windows_->size();
    const auto units = size == 0 ? 0 : result_.size() / size;
    for (std::size_t i = 0; i < size; ++i) {
      // Rows lie far apart: the next ones are asked for while these are written.
      const auto* const ahead =
          result_.data() + windows_->onset(std::min(i + kRowsAhead, size - 1)) * units;
      __builtin_prefetch(ahead + places_.front(), 1);
      __builtin_prefetch(ahead + places_.back(), 1);
      auto* const row = result_.data() + windows_->onset(i) * units;
      const auto* from = counts_.data() + i;
      for (const auto place : places_) {
        row[place] = *from;
        from += size;
      }
    }
    places_.clear();
  }

  const CountWindows* windows_;
  std::span<std::int32_t> result_;
  std::vector<std::size_t> places_;   // columns of the result
  std::vector<std::int32_t> marks_;   // of the last one
  std::vector<std::int32_t> counts_;  // [kUnitsAtOnce, windows]
  std::int32_t seen_ = 0;             // spikes of the last one
};

/// Units in order of the file, of which threads take the next few until there are none left.
class CountingThreads {
 public:
  CountingThreads(const NwbFile& file, std::span<const std::size_t> units,
                  const CountWindows& windows, std::span<std::int32_t> result)
      : file_(&file),
        units_(units),
        order_(file.in_order(units)),
        windows_(&windows),
        result_(result),
        shares_((order_.size() + kUnitsAtOnce - 1) / kUnitsAtOnce) {}

  void run(std::size_t threads) {
    {
      std::vector<std::jthread> others;
      try {
        for (std::size_t i = 1; i < std::min(threads, shares_); ++i) {
          others.emplace_back([this] { work(); });
        }
      } catch (const std::system_error&) {
        // Those that there are do all of it.
      }
      work();
    }
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  /// Shares are taken in order, and what is taken is done whatever else fails: so what is thrown is
  /// what one thread would have found first.
  void work() {
    std::size_t share = 0;
    try {
      Columns columns(*windows_, result_);
      while (!failed_ && (share = next_++) < shares_) count(share, columns);
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!failure_ || share < failed_share_) failure_ = std::current_exception();
      failed_share_ = failed_ ? std::min(failed_share_, share) : share;
      failed_ = true;
    }
  }
  void count(std::size_t share, Columns& columns) {
    const auto places = std::span(order_).subspan(share * kUnitsAtOnce);
    std::vector<std::size_t> rows;
    for (const auto place : places.first(std::min(kUnitsAtOnce, places.size()))) {
      rows.push_back(units_[place]);
    }
    file_->visit_spikes(rows, [&](std::size_t row, std::span<const double> seconds) {
      columns.add(places[row], seconds);
    });
    columns.finish();
  }

  const NwbFile* file_;
  std::span<const std::size_t> units_;
  std::vector<std::size_t> order_;  // places in units_
  const CountWindows* windows_;
  std::span<std::int32_t> result_;
  std::size_t shares_;
  std::atomic<std::size_t> next_ = 0;
  std::atomic<bool> failed_ = false;
  std::mutex mutex_;  // for what follows
  std::exception_ptr failure_;
  std::size_t failed_share_ = 0;
};

}  // namespace

std::vector<std::int32_t> count_spikes(const NwbFile& file, std::span<const std::size_t> units,
                                       std::span<const double> onsets, CountWindow window,
                                       std::size_t threads) {
  const CountWindows windows(onsets, window);
  if (!units.empty() && windows.size() > (std::size_t{1} << 40U) / units.size()) {
    throw Error(text("expected counts that fit memory, got ", windows.size(), " onsets of ",
                     units.size(), " units: choose fewer"));
  }
  for (const auto unit : units) {
    if (unit < file.units().size()) check_size(file.units().spikes[unit]);
  }
  auto result = zeros(windows.size() * units.size());
  if (threads == 0) {
    threads = std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, kMostThreads);
  }
  CountingThreads(file, units, windows, result).run(file.concurrent() ? threads : 1);
  return result;
}

std::vector<std::int32_t> count_spikes(std::span<const double> spikes,
                                       std::span<const double> onsets, CountWindow window) {
  const CountWindows windows(onsets, window);
  check_size(spikes.size());
  std::vector<std::int32_t> result(windows.size());
  Columns columns(windows, result);
  columns.add(0, spikes);
  columns.finish();
  return result;
}

}  // namespace neurosplat
