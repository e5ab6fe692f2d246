#include "recordings/count_windows.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"

namespace neurosplat {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
/// Cells of time that a table has at least for each edge, and at most.
constexpr double kCellsPerEdge = 2, kMostCellsPerEdge = 32, kMostCells = 1U << 20U;
/// Spikes that are passed over at once where no edge lies between them.
constexpr std::size_t kBlock = 32;

}  // namespace

CountWindows::CountWindows(std::span<const double> onsets, CountWindow window)
    : order_(onsets.size()) {
  if (!(window.to > window.from) || !std::isfinite(window.from) || !std::isfinite(window.to)) {
    throw UsageError(
        text("window: expected seconds from, then to, got ", window.from, " to ", window.to));
  }
  if (onsets.size() > std::numeric_limits<std::int32_t>::max() / 2) {
    throw Error(text("onsets: expected fewer than 2^30, got ", onsets.size()));
  }
  for (const double onset : onsets) {
    if (!std::isfinite(onset)) throw Error(text("onsets: expected seconds, got ", onset));
  }
  std::iota(order_.begin(), order_.end(), std::size_t{0});
  std::stable_sort(order_.begin(), order_.end(),
                   [&](auto one, auto other) { return onsets[one] < onsets[other]; });
  std::vector<double> begins, ends;
  for (const auto place : order_) {
    begins.push_back(onsets[place] + window.from);
    ends.push_back(onsets[place] + window.to);
  }
  merge(begins, ends);
  for (std::size_t i = 0; i < size(); ++i) apart_ = apart_ && begin_edge_[i] == 2 * i;
  if (!edges_.empty()) tabulate();
  edges_.push_back(kInfinity);
}

void CountWindows::merge(const std::vector<double>& begins, const std::vector<double>& ends) {
  for (std::size_t begin = 0, end = 0; end < ends.size();) {
    const bool opens = begin < begins.size() && begins[begin] <= ends[end];
    (opens ? begin_edge_ : end_edge_).push_back(static_cast<std::uint32_t>(edges_.size()));
    edges_.push_back(opens ? begins[begin++] : ends[end++]);
  }
}

/// As few cells as leave two edges in each: the fewer, the more of the table stays in the cache.
void CountWindows::tabulate() {
  origin_ = edges_.front();
  const auto edges = static_cast<double>(edges_.size());
  for (double share = kCellsPerEdge; !at_most_two_ && share <= kMostCellsPerEdge; share *= 2) {
    at_most_two_ = fill_cells(std::min(kMostCells, share * edges)) <= 2;
  }
}

/// The most edges in a cell.
std::uint32_t CountWindows::fill_cells(double cells) {
  const double length = edges_.back() - origin_;
  last_cell_ = std::floor(cells);
  per_second_ = length > 0 ? last_cell_ / length : 0;
  cells_.assign(static_cast<std::size_t>(last_cell_) + 1, 0);
  for (const double edge : edges_) ++cells_[cell(edge)];
  const auto most = *std::max_element(cells_.begin(), cells_.end());
  std::exclusive_scan(cells_.begin(), cells_.end(), cells_.begin(), 0U);
  return most;
}

template <bool kAtMostTwo>
std::size_t CountWindows::edges_up_to(double seconds) const {
  // Edges in cells before are before, those in later cells after: rounding keeps the order.
  std::size_t edge = cells_[cell(seconds)];
  if constexpr (kAtMostTwo) {
    edge += edges_[edge] <= seconds ? 1U : 0U;
    edge += edges_[edge] <= seconds ? 1U : 0U;
  } else {
    while (edges_[edge] <= seconds) ++edge;
  }
  return edge;
}

template <bool kAtMostTwo>
void CountWindows::mark_each(std::span<const double> spikes, std::int32_t number,
                             std::int32_t* marks) const {
  while (spikes.size() >= kBlock) {
    const auto first = edges_up_to<kAtMostTwo>(spikes.front());
    const auto last = edges_up_to<kAtMostTwo>(spikes[kBlock - 1]);
    if (first != last) {
      for (std::size_t i = 0; i < kBlock - 1; ++i) {
        marks[edges_up_to<kAtMostTwo>(spikes[i])] = number + static_cast<std::int32_t>(i) + 1;
      }
    }
    number += static_cast<std::int32_t>(kBlock);
    marks[last] = number;
    spikes = spikes.subspan(kBlock);
  }
  for (const double spike : spikes) marks[edges_up_to<kAtMostTwo>(spike)] = ++number;
}

void CountWindows::mark(std::span<const double> spikes, std::int32_t before,
                        std::span<std::int32_t> marks) const {
  if (order_.empty()) return;
  const auto first = std::lower_bound(spikes.begin(), spikes.end(), edges_.front());
  const auto last = std::lower_bound(first, spikes.end(), edges_[edges_.size() - 2]);
  const auto number = before + static_cast<std::int32_t>(first - spikes.begin());
  if (first != spikes.begin()) marks[0] = number;
  if (at_most_two_) {
    mark_each<true>({first, last}, number, marks.data());
  } else {
    mark_each<false>({first, last}, number, marks.data());
  }
}

void CountWindows::count(std::span<std::int32_t> marks, std::span<std::int32_t> counts) const {
  // An edge that no spike was marked at has as many before it as the one before. Spikes after the
  // last edge are not marked.
  std::int32_t before = 0;
  if (apart_) {
    for (std::size_t i = 0; i < order_.size(); ++i) {
      const std::int32_t opens = marks[2 * i], closes = marks[2 * i + 1];
      const std::int32_t begin = std::max(before, opens);
      before = std::max(begin, closes);
      counts[i] = before - begin;
    }
  } else {
    for (auto& mark : marks) mark = before = std::max(before, mark);
    for (std::size_t i = 0; i < order_.size(); ++i) {
      counts[i] = marks[end_edge_[i]] - marks[begin_edge_[i]];
    }
  }
  std::fill(marks.begin(), marks.end(), 0);
}

}  // namespace neurosplat
