#include "neurosplat/io/newest_frames.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <latch>
#include <string>
#include <thread>

#include "neurosplat/core/error.h"
#include "neurosplat/core/interrupt.h"

namespace neurosplat {
namespace {

/// What a test and the thread that reads tell each other.
struct Signals {
  std::latch asked_beyond{1};  ///< all frames were given, the next one is asked for
  std::latch may_end{1};
};

/// `count` frames at once, then nothing, or an error, once the test lets it.
class Frames : public FrameSource {
 public:
  Frames(int count, Signals& signals, bool fails = false, double rate = 25.0)
      : count_(count), signals_(signals), fails_(fails), rate_(rate) {}
  std::optional<Frame> next() override {
    if (given_ < count_) return Frame{at::zeros({3, 2, 2}, at::kByte), std::to_string(++given_)};
    signals_.asked_beyond.count_down();
    signals_.may_end.wait();
    if (fails_) throw Error("the camera is gone");
    return std::nullopt;
  }
  double frames_per_second() const override { return rate_; }
  std::int64_t frame_count() const override { return count_; }
  std::string description() const override { return "frames"; }

 private:
  int count_;
  Signals& signals_;
  bool fails_;
  double rate_;
  int given_ = 0;
};

class NewestFrames : public ::testing::Test {
  const InterruptGuard guard_;  // as around every live run; forgets earlier interrupts
};

TEST_F(NewestFrames, TheNewestWinsAndTheOthersAreCounted) {
  Signals signals;
  const auto source = newest_frames(std::make_unique<Frames>(10, signals), false);
  signals.asked_beyond.wait();
  EXPECT_EQ(source->next()->name, "10");
  EXPECT_EQ(source->dropped(), 9);
  signals.may_end.count_down();
  EXPECT_FALSE(source->next().has_value());
  EXPECT_FALSE(source->next().has_value());
  EXPECT_EQ(source->description(), "frames");
  EXPECT_EQ(source->frame_count(), 10);
}

// A camera that is unplugged: its last frame, then what it says.
TEST_F(NewestFrames, AnErrorComesAfterTheLastFrame) {
  Signals signals;
  const auto source = newest_frames(std::make_unique<Frames>(3, signals, true), false);
  signals.may_end.count_down();
  signals.asked_beyond.wait();
  EXPECT_EQ(source->next()->name, "3");
  EXPECT_THROW(source->next(), Error);
  EXPECT_FALSE(source->next().has_value());
}

// Whoever is faster than the rate gets every frame.
TEST_F(NewestFrames, KeepsToTheRate) {
  Signals signals;
  signals.may_end.count_down();
  const auto source = newest_frames(std::make_unique<Frames>(4, signals, false, 50.0), true);
  std::int64_t got = 0;
  while (source->next()) ++got;
  EXPECT_EQ(got + source->dropped(), 4);
}

TEST_F(NewestFrames, AnInterruptEndsTheWait) {
  Signals signals;
  const auto source = newest_frames(std::make_unique<Frames>(0, signals), false);
  signals.asked_beyond.wait();
  std::raise(SIGINT);
  EXPECT_FALSE(source->next().has_value());
  signals.may_end.count_down();
}

// It is dropped while a frame is not due for hours.
TEST_F(NewestFrames, EndsWhileItWaits) {
  Signals signals;
  signals.may_end.count_down();
  const auto source = newest_frames(std::make_unique<Frames>(3, signals, false, 1e-4), true);
  EXPECT_EQ(source->next()->name, "1");
}

}  // namespace
}  // namespace neurosplat
