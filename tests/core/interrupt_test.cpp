#include "neurosplat/core/interrupt.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include "neurosplat/core/log.h"

namespace neurosplat {
namespace {

using Handler = void (*)(int);

void other_handler(int) {}

Handler handler_of(int signal) {
  struct sigaction action = {};
  sigaction(signal, nullptr, &action);
  return action.sa_handler;
}

class Interrupt : public ::testing::TestWithParam<int> {
 protected:
  // The tests may themselves be started with some of them ignored.
  void SetUp() override {
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) ::signal(signal, SIG_DFL);
  }
};

INSTANTIATE_TEST_SUITE_P(Signals, Interrupt, ::testing::Values(SIGINT, SIGTERM, SIGHUP, SIGPIPE));

TEST_P(Interrupt, TheFirstRaisesAFlagAndGivesTheExitCode) {
  {
    const InterruptGuard guard;
    EXPECT_FALSE(InterruptGuard::raised());
    EXPECT_EQ(InterruptGuard::exit_code(), 0);
    raise(GetParam());
    EXPECT_TRUE(InterruptGuard::raised());
    raise(SIGPIPE);
  }
  EXPECT_EQ(InterruptGuard::exit_code(), 128 + GetParam());
  EXPECT_EQ(handler_of(SIGPIPE), SIG_IGN) << "what is said afterwards may find no reader";
  const InterruptGuard next;
  EXPECT_FALSE(InterruptGuard::raised());
  EXPECT_EQ(InterruptGuard::exit_code(), 0);
}

TEST_P(Interrupt, HandlersOfBeforeComeBack) {
  ::signal(GetParam(), other_handler);
  { const InterruptGuard guard; }
  EXPECT_EQ(handler_of(GetParam()), other_handler);
}

TEST_P(Interrupt, TheSecondEndsTheProcessUnlessItComesByItself) {
  const auto raise_twice = [] {
    const InterruptGuard guard;
    raise(GetParam());
    raise(GetParam());
    _exit(0);
  };
  if (GetParam() == SIGPIPE || GetParam() == SIGHUP) {
    EXPECT_EXIT(raise_twice(), ::testing::ExitedWithCode(0), "");
  } else {
    EXPECT_EXIT(raise_twice(), ::testing::KilledBySignal(GetParam()), "");
  }
}

TEST_F(Interrupt, AnIgnoredHangUpStaysIgnored) {
  ::signal(SIGHUP, SIG_IGN);
  const InterruptGuard guard;
  raise(SIGHUP);
  EXPECT_FALSE(InterruptGuard::raised());
  raise(SIGINT);
  EXPECT_EQ(InterruptGuard::exit_code(), 130);
}

TEST_F(Interrupt, LoggingToAClosedPipeNeitherEndsNorThrows) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const int errors = dup(STDERR_FILENO);
  dup2(ends[1], STDERR_FILENO);
  close(ends[0]);
  close(ends[1]);
  {
    const InterruptGuard guard;
    EXPECT_NO_THROW(log::warn("nobody reads this"));
    EXPECT_EQ(InterruptGuard::exit_code(), 128 + SIGPIPE);
  }
  EXPECT_NO_THROW(log::warn("nor this"));
  dup2(errors, STDERR_FILENO);
  close(errors);
}

}  // namespace
}  // namespace neurosplat
