#include "neurosplat/core/shared_cores.h"

#include <omp.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <optional>
#include <sstream>
#include <string>
#include <system_error>
#include <thread>

namespace neurosplat {
namespace {

using namespace std::chrono_literals;

/// How often the machine is looked at, and how long it counts as busy after it last was.
constexpr auto kGlance = 100ms;
constexpr auto kMemory = 300ms;
/// Seconds a second that threads of this process were kept from a core, summed over them. Alone on
/// two cores a lock has .2 at most (threads that decode meet those that draw), beside one busy
/// program .5 at least, whether its threads spin or sleep.
constexpr double kBusy = 0.3;

/// Nanoseconds for which the threads that live now have waited for a core; 0 where the kernel does
/// not count them.
double waited_ns() {
  double sum = 0;
  std::error_code failed;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task", failed)) {
    std::ifstream schedule(task.path() / "schedstat");
    double ran = 0, waited = 0;
    if (schedule >> ran >> waited) sum += waited;
  }
  return sum;
}

/// Seconds for which the cores that this process may use did anything, since the system started;
/// 0 where the system does not say.
double busy_seconds() {
  cpu_set_t allowed;
  if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0) return 0;
  std::ifstream statistics("/proc/stat");
  double ticks = 0;
  for (std::string line; std::getline(statistics, line) && line.starts_with("cpu");) {
    std::istringstream words(line.substr(3));
    std::size_t core = 0;
    double user = 0, nice = 0, system = 0, idle = 0, io = 0, hard = 0, soft = 0, stolen = 0;
    if (line[3] == ' ' || !(words >> core) || core >= CPU_SETSIZE || !CPU_ISSET(core, &allowed))
      continue;
    if (words >> user >> nice >> system >> idle >> io >> hard >> soft >> stolen)
      ticks += user + nice + system + hard + soft + stolen;
  }
  return ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

double own_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

/// How many cores other programs keep busy, over the last few glances.
class Others {
 public:
  void glance(double passed_s) {
    const double busy = busy_seconds(), own = own_seconds();
    const double cores = std::max(0.0, (busy - busy_) - (own - own_)) / passed_s;
    cores_ += kNewest * (cores - cores_);
    busy_ = busy;
    own_ = own;
  }
  double cores() const { return cores_; }

 private:
  /// The system counts in hundredths of a second, a tenth of what passes between two glances.
  static constexpr double kNewest = 0.3;
  double busy_ = busy_seconds(), own_ = own_seconds(), cores_ = 0;
};

/// An idle team. With more threads managed than there are cores, GNU OpenMP waits asleep: its
/// documented GOMP_SPINCOUNT falls from 300,000 to 100. No call changes that after the start of a
/// process, and the environment cannot be set before the library reads it.
class IdleTeam {
 public:
  explicit IdleTeam(int threads) : thread_([this, threads] { rest(threads); }) {}
  ~IdleTeam() {
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
    }
    changed_.notify_one();
    thread_.join();  // its team ends with it
  }
  IdleTeam(const IdleTeam&) = delete;
  IdleTeam& operator=(const IdleTeam&) = delete;

 private:
  void rest([[maybe_unused]] int threads) {
    std::atomic<int> members = 0;
#pragma omp parallel num_threads(threads)
    ++members;
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return over_; });
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool over_ = false;
  std::thread thread_;
};

std::atomic<bool> shared = false;
std::atomic<int> others_cores = 0;

bool environment_says_how_to_wait() {
  return std::getenv("OMP_WAIT_POLICY") != nullptr || std::getenv("GOMP_SPINCOUNT") != nullptr;
}

class Watch {
 public:
  explicit Watch(int threads)
      // With the other team's threads, its own first one among them, one more than cores.
      : idle_threads_(std::max(2, omp_get_num_procs() - threads + 2)),
        may_change_waiting_(!environment_says_how_to_wait()),
        thread_([this] { look(); }) {}
  ~Watch() {
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

 private:
  void look() {
    std::optional<IdleTeam> team;
    Others others;
    auto busy_until = std::chrono::steady_clock::now();
    double before = waited_ns();
    auto glanced = busy_until;
    std::unique_lock lock(mutex_);
    while (!changed_.wait_for(lock, kGlance, [this] { return over_; })) {
      const double now = waited_ns();
      const auto time = std::chrono::steady_clock::now();
      const double passed_ns = std::chrono::duration<double, std::nano>(time - glanced).count();
      if (now - before > kBusy * passed_ns) busy_until = time + kMemory;
      others.glance(1e-9 * passed_ns);
      others_cores = static_cast<int>(std::lround(others.cores()));
      before = now;
      glanced = time;
      const bool busy = may_change_waiting_ && time < busy_until;
      if (busy && !team) team.emplace(idle_threads_);
      if (!busy) team.reset();
      shared = busy;
    }
  }

  int idle_threads_;
  bool may_change_waiting_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool over_ = false;
  std::thread thread_;
};

}  // namespace

void share_cores(int threads) {
  static const Watch watch(threads);
}

bool cores_are_shared() {
  return shared;
}

int free_cores() {
  return std::max(1, omp_get_num_procs() - others_cores);
}

}  // namespace neurosplat
