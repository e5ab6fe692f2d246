#include "neurosplat/io/newest_frames.h"

#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>

#include "neurosplat/core/interrupt.h"

namespace neurosplat {
namespace {

using Clock = std::chrono::steady_clock;

/// A signal wakes nobody who waits for a condition: how often to look for one.
constexpr auto kGlance = std::chrono::milliseconds(50);

class NewestFrames : public FrameSource {
 public:
  NewestFrames(std::unique_ptr<FrameSource> source, bool at_its_rate)
      : source_(std::move(source)),
        at_its_rate_(at_its_rate),
        rate_(source_->frames_per_second()),
        count_(source_->frame_count()),
        description_(source_->description()),
        reader_([this](const std::stop_token& stop) { read(stop); }) {}

  std::optional<Frame> next() override {
    std::unique_lock lock(mutex_);
    while (!newest_ && !over_) {
      if (InterruptGuard::raised()) return std::nullopt;
      changed_.wait_for(lock, kGlance);
    }
    if (newest_) return std::exchange(newest_, std::nullopt);
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
    return std::nullopt;
  }

  double frames_per_second() const override { return rate_; }
  std::int64_t frame_count() const override { return count_; }
  std::string description() const override { return description_; }
  std::int64_t dropped() const override {
    const std::lock_guard lock(mutex_);
    return dropped_;
  }

 private:
  void read(const std::stop_token& stop) {
    std::exception_ptr failure;
    try {
      const auto start = Clock::now();
      for (std::int64_t n = 0; !stop.stop_requested(); ++n) {
        auto frame = source_->next();
        if (!frame) break;
        if (at_its_rate_) wait_until(start, static_cast<double>(n) / rate_, stop);
        put(std::move(*frame));
      }
    } catch (...) {
      failure = std::current_exception();
    }
    const std::lock_guard lock(mutex_);
    failure_ = failure;
    over_ = true;
    changed_.notify_all();
  }

  void wait_until(Clock::time_point start, double seconds, const std::stop_token& stop) {
    const auto due =
        start + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
    std::unique_lock lock(mutex_);
    stopped_.wait_until(lock, stop, due, [] { return false; });
  }

  void put(Frame frame) {
    const std::lock_guard lock(mutex_);
    if (newest_) ++dropped_;
    newest_ = std::move(frame);
    changed_.notify_all();
  }

  std::unique_ptr<FrameSource> source_;
  bool at_its_rate_;
  double rate_;
  std::int64_t count_;
  std::string description_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::condition_variable_any stopped_;
  std::optional<Frame> newest_;
  std::exception_ptr failure_;
  std::int64_t dropped_ = 0;
  bool over_ = false;
  std::jthread reader_;  // last: it uses all of the above, and ends before they do
};

}  // namespace

std::unique_ptr<FrameSource> newest_frames(std::unique_ptr<FrameSource> source, bool at_its_rate) {
  return std::make_unique<NewestFrames>(std::move(source), at_its_rate);
}

}  // namespace neurosplat
