#pragma once

#include <algorithm>
#include <chrono>

namespace neurosplat {

/// A budget in wall-clock milliseconds, spent in steps of like length.
class Deadline {
 public:
  explicit Deadline(double budget_ms) : budget_ms_(budget_ms) {}

  double elapsed_ms() const {
    return std::chrono::duration<double, std::milli>(Clock::now() - start_).count();
  }
  /// Whether something that takes `ms` would still end in time.
  bool allows(double ms) const { return elapsed_ms() + ms <= budget_ms_; }
  /// Whether another step as long as the longest of the last few would.
  bool allows_another_step() const { return allows(step_ms_); }
  void step_done() {
    const double now = elapsed_ms();
    step_ms_ = std::max(now - last_ms_, 0.9 * step_ms_);
    last_ms_ = now;
  }
  double last_step_ms() const { return step_ms_; }
  /// The steps from here on are of another kind.
  void expect_steps_of(double ms) {
    last_ms_ = elapsed_ms();
    step_ms_ = ms;
  }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_ = Clock::now();
  double budget_ms_, last_ms_ = 0, step_ms_ = 0;
};

}  // namespace neurosplat
