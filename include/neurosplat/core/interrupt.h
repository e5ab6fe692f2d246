#pragma once

namespace neurosplat {

/// While it lives, the first SIGINT or SIGTERM only raises a flag; the second one ends the
/// process as usual. One at a time.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  static bool raised();
};

}  // namespace neurosplat
