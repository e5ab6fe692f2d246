#include "neurosplat/core/shared_cores.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <omp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <thread>
#include <vector>

#include "neurosplat/core/device.h"
#include "support/command.h"

namespace neurosplat {
namespace {

using namespace std::chrono_literals;

double processor_ms() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return 1e3 * static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_nsec);
}

/// Processor time that a thread spends on ten waits for another that sleeps: its own, so that what
/// else runs on the machine does not count.
double spent_on_waiting_ms() {
  double spent = 0;
  for (int i = 0; i < 10; ++i) {
#pragma omp parallel num_threads(2)
    {
      if (omp_get_thread_num() == 0) std::this_thread::sleep_for(20ms);
      const double before = processor_ms();
#pragma omp barrier
      if (omp_get_thread_num() == 1) spent += processor_ms() - before;
    }
  }
  return spent;
}

/// More threads than cores that never wait.
class BusyThreads {
 public:
  BusyThreads() {
    for (unsigned i = 0; i < 3 * std::thread::hardware_concurrency(); ++i) {
      threads_.emplace_back([this] {
        while (!over_) {
        }
      });
    }
  }
  ~BusyThreads() {
    over_ = true;
    for (auto& thread : threads_) thread.join();
  }

 private:
  std::atomic<bool> over_ = false;
  std::vector<std::thread> threads_;
};

/// Processes that never wait, two for a core.
class BusyProcesses {
 public:
  BusyProcesses() {
    for (unsigned i = 0; i < 2 * std::thread::hardware_concurrency(); ++i) {
      const pid_t child = ::fork();
      if (child == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (std::atomic<int> turns = 0;;) ++turns;
      }
      if (child > 0) children_.push_back(child);
    }
  }
  ~BusyProcesses() {
    for (const pid_t child : children_) {
      ::kill(child, SIGKILL);
      ::waitpid(child, nullptr, 0);
    }
  }

 private:
  std::vector<pid_t> children_;
};

TEST(SharedCores, OtherProcessesLeaveFewer) {
  if (omp_get_num_procs() == 1) GTEST_SKIP() << "one core only";
  const BusyProcesses busy;
  share_cores(2);
  const auto give_up = std::chrono::steady_clock::now() + 30s;
  while (free_cores() > 1 && std::chrono::steady_clock::now() < give_up) {
    std::this_thread::sleep_for(20ms);
  }
  EXPECT_EQ(free_cores(), 1);
  const int before = at::get_num_threads();
  at::set_num_threads(2);
  {
    const FairThreads threads;
    threads.begin_turn();
    EXPECT_EQ(at::get_num_threads(), 1);
  }
  EXPECT_EQ(at::get_num_threads(), 2);
  at::set_num_threads(before);
}

/// The tests' environment says how to wait; here the program is to find out by itself.
TEST(SharedCores, WaitingThreadsSleepBesideBusyOnes) {
  if (omp_get_num_procs() == 1) GTEST_SKIP() << "one core only: GNU OpenMP never spins there";
  if (std::getenv("OMP_WAIT_POLICY") != nullptr || std::getenv("GOMP_SPINCOUNT") != nullptr) {
    const auto self = std::filesystem::read_symlink("/proc/self/exe").string();
    const auto run =
        testing::run_command({"/usr/bin/env", "-u", "OMP_WAIT_POLICY", "-u", "GOMP_SPINCOUNT", self,
                              "--gtest_filter=SharedCores.WaitingThreadsSleepBesideBusyOnes"});
    EXPECT_EQ(run.status, 0) << run.output;
    return;
  }
  const double spinning = spent_on_waiting_ms();
  share_cores(2);
  const BusyThreads busy;
  const auto give_up = std::chrono::steady_clock::now() + 30s;
  while (!cores_are_shared() && std::chrono::steady_clock::now() < give_up) {
  }
  ASSERT_TRUE(cores_are_shared());
  EXPECT_LT(spent_on_waiting_ms(), 0.3 * spinning);
}

}  // namespace
}  // namespace neurosplat
