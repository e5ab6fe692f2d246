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

/// What to leave of the next frame's budget after one that took `taken_ms`, from what was left of
/// this one's: a millisecond more when it was late, one less when it was in time. So half of the
/// frames at least come in time beside programs that take the cores away, as far as a third of the
/// budget allows; in quiet nothing is left.
inline double reserve_after(double reserve_ms, double taken_ms, double budget_ms) {
  constexpr double kStepMs = 1, kMost = 1.0 / 3;
  return std::clamp(reserve_ms + (taken_ms > budget_ms ? kStepMs : -kStepMs), 0.0,
                    kMost * budget_ms);
}

}  // namespace neurosplat
