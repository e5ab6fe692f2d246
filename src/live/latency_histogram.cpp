#include "neurosplat/live/latency_histogram.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace neurosplat {
namespace {

constexpr double kLeast = 1e-3, kMost = 1e7, kRatio = 1.01;

std::size_t bin_of(double ms) {
  const double place = std::log(std::clamp(ms, kLeast, kMost) / kLeast) / std::log(kRatio);
  return static_cast<std::size_t>(place);
}

}  // namespace

LatencyHistogram::LatencyHistogram() : bins_(bin_of(kMost) + 1) {}

void LatencyHistogram::add(double ms) {
  ++bins_[bin_of(ms)];
  ++count_;
}

double LatencyHistogram::percentile(double percent) const {
  const auto rank = std::max<std::int64_t>(
      std::llround(std::ceil(percent / 100.0 * static_cast<double>(count_))), 1);
  std::int64_t passed = 0;
  for (std::size_t bin = 0; bin < bins_.size(); ++bin) {
    passed += bins_[bin];
    if (passed >= rank) return kLeast * std::pow(kRatio, static_cast<double>(bin) + 0.5);
  }
  return 0.0;
}

}  // namespace neurosplat
