#pragma once

#include <cstdint>
#include <vector>

namespace neurosplat {

/// Counts milliseconds in bins one percent wide, from a microsecond to three hours: percentiles to
/// half a percent in the same memory, however long a program runs.
class LatencyHistogram {
 public:
  LatencyHistogram();
  void add(double ms);
  std::int64_t count() const { return count_; }
  /// The smallest latency that at least `percent` of all do not exceed (nearest rank, the middle of
  /// its bin); 0 when there are none.
  double percentile(double percent) const;

 private:
  std::vector<std::int64_t> bins_;
  std::int64_t count_ = 0;
};

}  // namespace neurosplat
