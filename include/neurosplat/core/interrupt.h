#pragma once

#include <signal.h>

#include <array>

namespace neurosplat {

/// While it lives, the first SIGINT, SIGTERM, SIGHUP or SIGPIPE only raises a flag. A second SIGINT
/// or SIGTERM ends the process as usual; SIGHUP and SIGPIPE, which come more than once by
/// themselves, never do. Those that were ignored before (nohup) stay so. Afterwards all is handled
/// as before, but an interrupted process goes on ignoring SIGHUP and SIGPIPE: what read its output
/// is often gone too. One at a time.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  static bool raised();

  /// What an interrupted program exits with: 128 + the first signal, so 130 for SIGINT; 0 when
  /// none came. Still known when the guard is gone.
  static int exit_code();

 private:
  std::array<struct sigaction, 4> before_ = {};
};

}  // namespace neurosplat
