#pragma once

#include <algorithm>
#include <chrono>
#include <string_view>
#include <utility>
#include <vector>

namespace neurosplat {

/// Wall-clock seconds of a training step's stages, e.g. "encoder": what passed since the last mark
/// belongs to the marked stage. With an asynchronous device these are the times of launching, not
/// of computing. Names are literals.
class StageClock {
 public:
  void mark(std::string_view stage) {
    const auto now = Clock::now();
    const auto found = std::find_if(stages_.begin(), stages_.end(),
                                    [&](const auto& known) { return known.first == stage; });
    auto& seconds =
        found == stages_.end() ? stages_.emplace_back(stage, 0.0).second : found->second;
    seconds += std::chrono::duration<double>(now - last_).count();
    last_ = now;
  }

  /// In the order in which they were first marked.
  const std::vector<std::pair<std::string_view, double>>& seconds() const { return stages_; }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point last_ = Clock::now();
  std::vector<std::pair<std::string_view, double>> stages_;
};

}  // namespace neurosplat
