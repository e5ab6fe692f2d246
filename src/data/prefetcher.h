#pragma once

#include <ATen/core/Tensor.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <vector>

namespace neurosplat {

/// Makes batches ahead of their use on threads of its own, and hands them out in order.
class Prefetcher {
 public:
  /// Makes a batch; called from several threads. May return early once `cancelled` is set.
  using Make = std::function<at::Tensor(std::int64_t batch, const std::atomic<bool>& cancelled)>;

  explicit Prefetcher(int workers);
  ~Prefetcher();

  /// Drops what is under way and goes on with the batches from `first` up to, without, `end`.
  void start(Make make, std::int64_t first, std::int64_t end);

  /// The next batch, or nothing after the last. Throws what a batch's making threw, from then on
  /// every time.
  std::optional<at::Tensor> next();

 private:
  struct Run {
    Make make;
    std::int64_t claimed;  // the first batch that nobody makes yet
    std::int64_t taken;    // the first that was not handed out
    std::int64_t end;
    std::map<std::int64_t, at::Tensor> ready;
    std::atomic<bool> cancelled = false;
  };

  void work(const std::stop_token& stop);
  bool can_claim() const;

  std::int64_t ahead_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::shared_ptr<Run> run_;
  std::exception_ptr failure_;
  std::vector<std::jthread> workers_;  // last: joined before the rest goes
};

}  // namespace neurosplat
