#include "neurosplat/perception/live_lock.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <chrono>
#include <cmath>

#include "neurosplat/core/text.h"
#include "neurosplat/io/image_file.h"
#include "neurosplat/metrics/picture_quality.h"
#include "neurosplat/perception/panels.h"

namespace neurosplat {
namespace {

using Clock = std::chrono::steady_clock;

enum Column : std::size_t { kPrior, kLocked, kFloaters };

SeenFrame lock_frame(const PhaseLock& lock, const Frame& frame) {
  const at::NoGradGuard no_gradient;
  const auto start = Clock::now();
  const auto size = lock.model().architecture().image_size;
  const auto retina = centre_square(frame.picture, size).to(at::kFloat) / 255.0;
  const auto result = lock.lock(retina);
  SeenFrame seen{lock_panels(retina, result.prior, result.locked), 0.0, {}, {}};
  seen.latency_ms = std::chrono::duration<double, std::milli>(Clock::now() - start).count();
  const auto drawn = at::stack({result.prior, result.locked}).to(at::kCPU);
  const auto psnr = psnr_db(drawn, retina.unsqueeze(0).expand_as(drawn));
  seen.numbers = {psnr[0].item<double>(), psnr[1].item<double>(),
                  static_cast<double>(floaters(result.packets.unsqueeze(0)))};
  seen.note = text(fixed(seen.numbers[kPrior], 1), " -> ", fixed(seen.numbers[kLocked], 1), " dB");
  return seen;
}

double mean(const std::vector<LiveLockFrame>& frames, double LiveLockFrame::*number) {
  double sum = 0.0;
  for (const auto& frame : frames) sum += frame.*number;
  return sum / static_cast<double>(frames.size());
}

}  // namespace

LiveLockReport run_live_lock(const PhaseLock& lock, FrameSource& source,
                             const LiveLockOptions& options) {
  const auto run = run_live(
      "lock", {{"prior_psnr_db", 4}, {"locked_psnr_db", 4}, {"floaters", 0}},
      [&](const Frame& frame) { return lock_frame(lock, frame); }, source, options);
  LiveLockReport report{{}, run.seconds, run.interrupted};
  for (std::size_t i = 0; i < run.frames(); ++i) {
    const auto& numbers = run.numbers[i];
    report.frames.push_back(
        {run.latencies_ms[i], numbers[kPrior], numbers[kLocked], std::llround(numbers[kFloaters])});
  }
  return report;
}

std::string summary(const LiveLockReport& report) {
  const auto& frames = report.frames;
  LiveReport rates{{}, {}, report.seconds, report.interrupted};
  for (const auto& frame : frames) rates.latencies_ms.push_back(frame.latency_ms);
  if (frames.empty()) return rate_summary(rates);
  return text(rate_summary(rates), ", PSNR prior ",
              fixed(mean(frames, &LiveLockFrame::prior_psnr_db), 1), " dB -> locked ",
              fixed(mean(frames, &LiveLockFrame::locked_psnr_db), 1), " dB");
}

}  // namespace neurosplat
