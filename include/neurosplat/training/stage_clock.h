#pragma once

#include <array>
#include <chrono>

namespace neurosplat {

/// The parts of a training step whose time is told apart.
enum class Stage { data, encoder, decoder, renderer, loss, optimiser, other };
inline constexpr std::array kStageNames = {"data", "encoder",   "decoder", "renderer",
                                           "loss", "optimiser", "other"};

/// Wall-clock seconds of each stage: what passed since the last mark belongs to the marked stage.
/// With an asynchronous device these are the times of launching, not of computing.
class StageClock {
 public:
  void mark(Stage stage) {
    const auto now = Clock::now();
    seconds_[static_cast<std::size_t>(stage)] += std::chrono::duration<double>(now - last_).count();
    last_ = now;
  }

  double seconds(Stage stage) const { return seconds_[static_cast<std::size_t>(stage)]; }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point last_ = Clock::now();
  std::array<double, kStageNames.size()> seconds_{};
};

}  // namespace neurosplat
