#include "fibers.h"

#include <ucontext.h>

#include <cstddef>

namespace neurosplat::emulation {
namespace {

constexpr std::size_t kStackBytes = 128 * 1024;

Fibers* entering = nullptr;

}  // namespace

void Fibers::start(int count, const std::function<void(int)>& body) {
  states_.assign(static_cast<std::size_t>(count), State());
  while (stacks_.size() < states_.size()) {
    stacks_.push_back(std::make_unique<char[]>(kStackBytes));
  }
  body_ = &body;
  failure_ = nullptr;
}

void Fibers::enter() {
  Fibers& self = *entering;
  self.run_body(self.current_);
  _longjmp(self.scheduler_, 1);
}

void Fibers::run_body(int fiber) {
  try {
    (*body_)(fiber);
  } catch (...) {
    if (!failure_) failure_ = std::current_exception();
  }
  states_[static_cast<std::size_t>(fiber)].ended = true;
}

// A context is made for the first entry only: switching by jumps asks nothing of the kernel.
void Fibers::resume(int fiber) {
  State& state = states_[static_cast<std::size_t>(fiber)];
  current_ = fiber;
  if (_setjmp(scheduler_) != 0) return;
  if (state.started) _longjmp(state.place, 1);
  state.started = true;
  entering = this;
  ucontext_t context;
  getcontext(&context);
  context.uc_stack.ss_sp = stacks_[static_cast<std::size_t>(fiber)].get();
  context.uc_stack.ss_size = kStackBytes;
  context.uc_link = nullptr;
  makecontext(&context, &Fibers::enter, 0);
  setcontext(&context);
}

void Fibers::wait() {
  State& state = states_[static_cast<std::size_t>(current_)];
  if (_setjmp(state.place) == 0) _longjmp(scheduler_, 1);
}

void Fibers::rethrow_failure() {
  if (failure_) std::rethrow_exception(failure_);
}

}  // namespace neurosplat::emulation
