#include "neurosplat/live/smoke_frames.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <utility>

#include "neurosplat/metrics/gaussian_blur.h"

namespace neurosplat {
namespace {

constexpr std::int64_t kSide = 256, kFirst = 60, kLast = 180;
constexpr double kBright = 0.8, kBlur = 2.0, kNoise = 0.05;

class SmokeFrames : public FrameSource {
 public:
  SmokeFrames(int count, int step) : count_(count), step_(step) {}

  std::optional<Frame> next() override {
    if (given_ == count_) return std::nullopt;
    auto scene = at::zeros({kSide, kSide}, at::kDouble);
    const std::int64_t moved = std::int64_t{step_} * given_++;
    scene.slice(0, kFirst, kLast).slice(1, kFirst + moved, kLast + moved).fill_(kBright);
    scene = gaussian_blur(scene, kBlur) + kNoise * at::randn({kSide, kSide}, noise_, at::kDouble);
    const auto grey = scene.clamp(0.0, 1.0).mul(255.0).round().to(at::kByte);
    return Frame{grey.unsqueeze(0).expand({3, kSide, kSide}).contiguous(), std::to_string(given_)};
  }
  double frames_per_second() const override { return 25.0; }
  std::int64_t frame_count() const override { return count_; }
  std::string description() const override { return "a bright square in noise"; }

 private:
  int count_, step_, given_ = 0;
  at::Generator noise_ = at::detail::createCPUGenerator(0);
};

}  // namespace

std::unique_ptr<FrameSource> smoke_frames(int count, int step) {
  return std::make_unique<SmokeFrames>(count, step);
}

}  // namespace neurosplat
