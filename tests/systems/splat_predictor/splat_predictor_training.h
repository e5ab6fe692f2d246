#pragma once

#include <ATen/ATen.h>

#include <cmath>
#include <optional>
#include <string>

#include "neurosplat/io/frame_source.h"
#include "neurosplat/training/trainer.h"
#include "systems/splat_predictor/splat_predictor_learner.h"

namespace neurosplat::testing {

/// A bright spot that goes round, 24x32 pixels; no two of the first hundred frames are alike.
class MovingSpot : public FrameSource {
 public:
  explicit MovingSpot(int count) : count_(count) {}

  std::optional<Frame> next() override {
    if (given_ == count_) return std::nullopt;
    const double angle = 0.3 * given_;
    const auto slope = [](std::int64_t length, double centre) {
      return at::exp((at::arange(length, at::kFloat) - centre).square() / -20.0);
    };
    const auto spot =
        at::outer(slope(24, 12.0 + 6.0 * std::sin(angle)), slope(32, 16.0 + 6.0 * std::cos(angle)));
    const auto grey = spot.mul(120.0).add(100.0 + given_ % 7).to(at::kByte);
    return Frame{grey.unsqueeze(0).expand({3, 24, 32}).contiguous(), std::to_string(++given_)};
  }
  double frames_per_second() const override { return 25.0; }
  std::int64_t frame_count() const override { return count_; }
  std::string description() const override { return "a moving spot"; }

 private:
  int count_, given_ = 0;
};

/// As the command trains.
class SplatPredictorTraining {
 public:
  SplatPredictorTraining(const SplatPredictorConfig& config, FrameSource& source)
      : learner_(config, at::kCPU, source), trainer_(config, write_options(config), learner_) {}

  void resume(bool accept_changed_data = false) { trainer_.resume(accept_changed_data); }
  Trainer::Outcome run() { return trainer_.run(); }

 private:
  SplatPredictorLearner learner_;
  Trainer trainer_;
};

}  // namespace neurosplat::testing
