#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace neurosplat {

/// Calls `work(i)` for every i below `count` from up to `workers` threads, the caller's among
/// them. The first exception ends it and is thrown here.
template <class Work>
void parallel_over(std::int64_t count, int workers, const Work& work) {
  std::atomic<std::int64_t> next = 0;
  std::exception_ptr failure;
  std::mutex failing;
  const auto loop = [&] {
    try {
      for (auto i = next++; i < count; i = next++) work(i);
    } catch (...) {
      const std::lock_guard lock(failing);
      if (!failure) failure = std::current_exception();
      next = count;
    }
  };
  {
    std::vector<std::jthread> helpers;
    for (int helper = 1; helper < workers && helper < count; ++helper) helpers.emplace_back(loop);
    loop();
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace neurosplat
