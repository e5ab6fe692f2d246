#include "neurosplat/perception/live_lock.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>

#include "neurosplat/core/interrupt.h"
#include "neurosplat/core/progress.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/atomic_file.h"
#include "neurosplat/io/image_file.h"
#include "neurosplat/metrics/picture_quality.h"
#include "neurosplat/perception/panels.h"

namespace neurosplat {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

struct Panels {
  at::Tensor picture;
  LiveLockFrame numbers;
};

Panels lock_frame(const PhaseLock& lock, const Frame& frame) {
  const at::NoGradGuard no_gradient;
  const auto start = Clock::now();
  const auto size = lock.model().architecture().image_size;
  const auto retina = centre_square(frame.picture, size).to(at::kFloat) / 255.0;
  const auto result = lock.lock(retina);
  Panels panels{lock_panels(retina, result.prior, result.locked), {}};
  panels.numbers.latency_ms = 1000.0 * seconds_since(start);
  const auto drawn = at::stack({result.prior, result.locked}).to(at::kCPU);
  const auto psnr = psnr_db(drawn, retina.unsqueeze(0).expand_as(drawn));
  panels.numbers.prior_psnr_db = psnr[0].item<double>();
  panels.numbers.locked_psnr_db = psnr[1].item<double>();
  panels.numbers.floaters = floaters(result.packets.unsqueeze(0));
  return panels;
}

void write_numbers(const std::filesystem::path& path, const std::vector<LiveLockFrame>& frames) {
  std::string csv = "frame,latency_ms,prior_psnr_db,locked_psnr_db,floaters\n";
  std::int64_t number = 0;
  for (const auto& frame : frames) {
    csv += text(++number, ",", fixed(frame.latency_ms, 3), ",", fixed(frame.prior_psnr_db, 4), ",",
                fixed(frame.locked_psnr_db, 4), ",", frame.floaters, "\n");
  }
  write_file_atomically(path, csv);
}

/// How many frames are to come, 0 when nobody knows.
std::int64_t expected_frames(const FrameSource& source, std::int64_t limit) {
  const auto count = source.frame_count();
  return limit > 0 && (count == 0 || limit < count) ? limit : count;
}

double mean(const std::vector<LiveLockFrame>& frames, double LiveLockFrame::*number) {
  double sum = 0.0;
  for (const auto& frame : frames) sum += frame.*number;
  return sum / static_cast<double>(frames.size());
}

}  // namespace

LiveLockReport run_live_lock(const PhaseLock& lock, FrameSource& source,
                             const LiveLockOptions& options) {
  const InterruptGuard guard;
  LiveLockReport report;
  std::optional<ProgressLine> progress;
  if (const auto total = expected_frames(source, options.frames); total > 1) {
    progress.emplace("lock", "frames", total);
  }
  const auto start = Clock::now();
  const auto done = [&] { return static_cast<std::int64_t>(report.frames.size()); };
  bool wanted = true;
  while (wanted && !InterruptGuard::raised() && (options.frames == 0 || done() < options.frames)) {
    const auto frame = source.next();
    if (!frame) break;
    const auto panels = lock_frame(lock, *frame);
    report.frames.push_back(panels.numbers);
    if (options.sink != nullptr) options.sink->write(panels.picture);
    if (options.show) wanted = options.show(panels.picture);
    if (progress) {
      progress->update(done(), text(fixed(panels.numbers.prior_psnr_db, 1), " -> ",
                                    fixed(panels.numbers.locked_psnr_db, 1), " dB"));
    }
  }
  if (options.sink != nullptr) options.sink->close();
  if (!options.metrics.empty()) write_numbers(options.metrics, report.frames);
  report.seconds = seconds_since(start);
  report.interrupted = InterruptGuard::raised();
  return report;
}

double percentile(std::vector<double> values, double percent) {
  if (values.empty()) return 0.0;
  std::sort(values.begin(), values.end());
  const double rank = std::ceil(percent / 100.0 * static_cast<double>(values.size()));
  const auto last = static_cast<double>(values.size() - 1);
  return values[static_cast<std::size_t>(std::clamp(rank - 1.0, 0.0, last))];
}

std::string summary(const LiveLockReport& report) {
  const auto& frames = report.frames;
  if (frames.empty()) return "0 frames";
  std::vector<double> latencies;
  for (const auto& frame : frames) latencies.push_back(frame.latency_ms);
  const double rate = static_cast<double>(frames.size()) / report.seconds;
  return text(frames.size(), frames.size() == 1 ? " frame, " : " frames, ", fixed(rate, 1),
              " frames/s, latency median ", fixed(percentile(latencies, 50.0), 1),
              " ms, 99th percentile ", fixed(percentile(latencies, 99.0), 1), " ms, PSNR prior ",
              fixed(mean(frames, &LiveLockFrame::prior_psnr_db), 1), " dB -> locked ",
              fixed(mean(frames, &LiveLockFrame::locked_psnr_db), 1), " dB");
}

}  // namespace neurosplat
