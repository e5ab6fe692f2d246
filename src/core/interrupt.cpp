#include "neurosplat/core/interrupt.h"

#include <csignal>
#include <cstddef>

namespace neurosplat {
namespace {

constexpr std::array kSignals = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};

volatile std::sig_atomic_t first_signal = 0;

void on_signal(int signal) {
  if (first_signal == 0) first_signal = signal;
}

struct sigaction handled_by(void (*handler)(int), int flags) {
  struct sigaction action = {};
  action.sa_handler = handler;
  action.sa_flags = flags;
  sigemptyset(&action.sa_mask);
  return action;
}

/// Of these nobody presses a key twice: a shell and the kernel each tell of a closed terminal,
/// every write of a broken pipe.
bool comes_again(int signal) {
  return signal == SIGHUP || signal == SIGPIPE;
}

bool stays_ignored(int signal, const struct sigaction& before) {
  return comes_again(signal) && before.sa_handler == SIG_IGN;
}

}  // namespace

InterruptGuard::InterruptGuard() {
  first_signal = 0;
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    const int signal = kSignals[i];
    sigaction(signal, nullptr, &before_[i]);
    if (stays_ignored(signal, before_[i])) continue;
    const int once = comes_again(signal) ? 0 : static_cast<int>(SA_RESETHAND);
    const auto action = handled_by(on_signal, SA_RESTART | once);
    sigaction(signal, &action, nullptr);
  }
}

InterruptGuard::~InterruptGuard() {
  const auto ignored = handled_by(SIG_IGN, 0);
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    const bool broken = comes_again(kSignals[i]) && raised();
    sigaction(kSignals[i], broken ? &ignored : &before_[i], nullptr);
  }
}

bool InterruptGuard::raised() {
  return first_signal != 0;
}

int InterruptGuard::exit_code() {
  return raised() ? 128 + static_cast<int>(first_signal) : 0;
}

}  // namespace neurosplat
