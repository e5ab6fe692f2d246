#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace neurosplat {

/// One line on standard error that is drawn over itself, at most ten times a second, with a bar,
/// items/s and the time left; nothing at all where standard error is no terminal or
/// the log is kept quiet.
class ProgressLine {
 public:
  /// `unit` names the items; `done` of `total` are done already, by an earlier process say.
  ProgressLine(std::string title, std::string unit, std::int64_t total, std::int64_t done = 0);
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  /// `done` items are done; `note` stands at the end of the line.
  void update(std::int64_t done, const std::string& note = "");
  /// Wipes the line, so that another can be printed in its place.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;
  std::string title_, unit_;
  std::int64_t total_, first_;
  Clock::time_point start_, drawn_;
  bool terminal_, visible_ = false;
};

/// Seconds as 0:07, 12:05 or 3:04:05.
std::string clock_text(double seconds);

}  // namespace neurosplat
