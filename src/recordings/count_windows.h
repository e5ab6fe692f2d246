#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "neurosplat/recordings/spike_counts.h"

namespace neurosplat {

/// Windows in order of time, whose begins and ends are edges, and where spikes lie among them.
///
/// Spikes are not added up one by one: each stores its own number (from 1 on, within its unit) at
/// the number of edges up to it. As both rise, the last to store is the number of spikes up to
/// there, and no store waits for the one before.
class CountWindows {
 public:
  /// Throws as count_spikes says.
  CountWindows(std::span<const double> onsets, CountWindow window);

  std::size_t size() const { return order_.size(); }
  std::size_t onset(std::size_t window) const { return order_[window]; }
  /// Of marks that a unit needs; they begin as zeros.
  std::size_t marks() const { return edges_.size(); }

  /// Marks spikes, of which `before` came earlier in the unit; they rise.
  void mark(std::span<const double> spikes, std::int32_t before,
            std::span<std::int32_t> marks) const;
  /// Spikes in each window, of a unit whose spikes are all marked. The marks are zeros then.
  void count(std::span<std::int32_t> marks, std::span<std::int32_t> counts) const;

 private:
  /// Below 2^20, for which processors convert to int32 in one step.
  std::size_t cell(double seconds) const {
    const double place = (seconds - origin_) * per_second_;
    const double inside = place < last_cell_ ? place : last_cell_;
    return static_cast<std::uint32_t>(static_cast<std::int32_t>(inside > 0 ? inside : 0));
  }
  template <bool kAtMostTwo>
  std::size_t edges_up_to(double seconds) const;
  template <bool kAtMostTwo>
  void mark_each(std::span<const double> spikes, std::int32_t number, std::int32_t* marks) const;
  void merge(const std::vector<double>& begins, const std::vector<double>& ends);
  void tabulate();
  std::uint32_t fill_cells(double cells);

  std::vector<std::size_t> order_;
  std::vector<double> edges_;                         // rising, infinity after the last
  std::vector<std::uint32_t> begin_edge_, end_edge_;  // of each window
  std::vector<std::uint32_t> cells_;                  // edges in the cells of time before each
  double origin_ = 0, per_second_ = 0, last_cell_ = 0;
  bool at_most_two_ = false;  // edges in each cell
  bool apart_ = true;         // windows: each begins after the one before has ended
};

}  // namespace neurosplat
