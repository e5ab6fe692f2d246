#include "data/prefetcher.h"

#include <utility>

namespace neurosplat {

Prefetcher::Prefetcher(int workers) : ahead_(workers + 2) {
  for (int worker = 0; worker < workers; ++worker)
    workers_.emplace_back([this](const std::stop_token& stop) { work(stop); });
}

Prefetcher::~Prefetcher() {
  const std::lock_guard lock(mutex_);
  if (run_) run_->cancelled = true;
  for (auto& worker : workers_) worker.request_stop();
}

void Prefetcher::start(Make make, std::int64_t first, std::int64_t end) {
  const std::lock_guard lock(mutex_);
  if (run_) run_->cancelled = true;
  run_ = std::make_shared<Run>();
  run_->make = std::move(make);
  run_->claimed = run_->taken = first;
  run_->end = end;
  changed_.notify_all();
}

std::optional<at::Tensor> Prefetcher::next() {
  std::unique_lock lock(mutex_);
  if (!run_ || run_->taken >= run_->end) return std::nullopt;
  changed_.wait(lock, [&] { return failure_ || run_->ready.contains(run_->taken); });
  if (failure_) std::rethrow_exception(failure_);
  auto batch = std::move(run_->ready.extract(run_->taken++).mapped());
  changed_.notify_all();
  return batch;
}

bool Prefetcher::can_claim() const {
  return run_ && !failure_ && run_->claimed < run_->end && run_->claimed < run_->taken + ahead_;
}

void Prefetcher::work(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [&] { return can_claim(); }) && !stop.stop_requested()) {
    const auto run = run_;
    const auto batch = run->claimed++;
    lock.unlock();
    at::Tensor made;
    std::exception_ptr failure;
    try {
      made = run->make(batch, run->cancelled);
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    if (failure)
      failure_ = failure;
    else if (run == run_)
      run->ready.emplace(batch, std::move(made));
    changed_.notify_all();
  }
}

}  // namespace neurosplat
