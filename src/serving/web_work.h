#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace neurosplat::serving {

/// Tasks for one thread, in their order.
class WorkQueue {
 public:
  WorkQueue()
      : thread_([this](const std::stop_token& stop) {
          while (auto task = next(stop)) task();
        }) {}
  ~WorkQueue() { stop(); }

  void push(std::function<void()> task) {
    {
      const std::lock_guard lock(mutex_);
      tasks_.push_back(std::move(task));
    }
    changed_.notify_one();
  }

  /// Ends the running task's successors; what waits is forgotten.
  void stop() {
    thread_.request_stop();
    if (thread_.joinable()) thread_.join();
    const std::lock_guard lock(mutex_);
    tasks_.clear();
  }

 private:
  std::function<void()> next(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, stop, [this] { return !tasks_.empty(); });
    if (stop.stop_requested()) return {};
    auto task = std::move(tasks_.front());
    tasks_.pop_front();
    return task;
  }

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<std::function<void()>> tasks_;
  std::jthread thread_;
};

/// See ServerCounts.
struct Counters {
  std::atomic<std::uint64_t> connections = 0, refused = 0, messages_in = 0, messages_out = 0,
                             dropped_in = 0, dropped_out = 0, errors = 0;
  std::atomic<std::int64_t> open_sockets = 0;
};

}  // namespace neurosplat::serving
