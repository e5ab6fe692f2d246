#pragma once

#include <csetjmp>
#include <exception>
#include <functional>
#include <memory>
#include <vector>

namespace neurosplat::emulation {

/// Threads of one block as fibers of one thread. A fiber runs until it calls wait() or its body
/// ends; resume() continues it. The first exception of a body is kept for the scheduler.
class Fibers {
 public:
  /// Starts `count` fibers, none of which has run yet. `body` must outlive them.
  void start(int count, const std::function<void(int)>& body);
  void resume(int fiber);
  /// From within a fiber: back to whoever resumed it.
  void wait();
  int current() const { return current_; }
  bool ended(int fiber) const { return states_[static_cast<std::size_t>(fiber)].ended; }
  void rethrow_failure();

 private:
  struct State {
    std::jmp_buf place;
    bool started = false, ended = false;
  };
  static void enter();
  void run_body(int fiber);

  std::vector<State> states_;
  std::vector<std::unique_ptr<char[]>> stacks_;
  std::jmp_buf scheduler_;
  const std::function<void(int)>* body_ = nullptr;
  std::exception_ptr failure_;
  int current_ = -1;
};

}  // namespace neurosplat::emulation
