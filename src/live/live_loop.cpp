#include "neurosplat/live/live_loop.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <exception>
#include <optional>

#include "live/frame_table.h"
#include "neurosplat/core/device.h"
#include "neurosplat/core/interrupt.h"
#include "neurosplat/core/progress.h"
#include "neurosplat/core/text.h"
#include "neurosplat/figure/drawing.h"

namespace neurosplat {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// How many frames are to come, 0 when nobody knows.
std::int64_t expected_frames(const FrameSource& source, std::int64_t limit) {
  const auto count = source.frame_count();
  return limit > 0 && (count == 0 || limit < count) ? limit : count;
}

/// Frames a second, as a running mean over the last ten or so.
class Rate {
 public:
  double after_a_frame() {
    const double seconds = seconds_since(last_);
    last_ = Clock::now();
    mean_ = mean_ == 0.0 ? seconds : 0.9 * mean_ + 0.1 * seconds;
    return 1.0 / std::max(mean_, 1e-9);
  }

 private:
  Clock::time_point last_ = Clock::now();
  double mean_ = 0.0;
};

at::Tensor with_line_below(const at::Tensor& panels, const std::string& line) {
  const auto nothing = at::zeros({3, 0, panels.size(2)}, at::kFloat);
  return at::cat({panels, with_label(nothing, line)}, 1);
}

/// As large as fits into `size`, in its middle, black around.
at::Tensor fitted(const at::Tensor& panels, const std::vector<std::int64_t>& size) {
  if (panels.sizes().vec() == size) return panels;
  const auto side = [&](std::size_t i) { return static_cast<double>(size[i]); };
  const double scale = std::min(side(1) / static_cast<double>(panels.size(1)),
                                side(2) / static_cast<double>(panels.size(2)));
  const auto scaled_side = [&](std::int64_t i) {
    const auto most = size[static_cast<std::size_t>(i)];
    const double exact = scale * static_cast<double>(panels.size(i));
    return std::clamp<std::int64_t>(std::llround(exact), 1, most);
  };
  const auto height = scaled_side(1), width = scaled_side(2);
  const auto scaled =
      at::_upsample_bilinear2d_aa(panels.unsqueeze(0), {height, width}, /*align_corners=*/false);
  auto whole = at::zeros(size, panels.options());
  whole.narrow(1, (size[1] - height) / 2, height)
      .narrow(2, (size[2] - width) / 2, width)
      .copy_(scaled[0]);
  return whole;
}

/// A run: its figures, and where the frames' panels and numbers go.
class Run {
 public:
  Run(const std::string& title, const std::vector<LiveColumn>& columns, FrameSource& source,
      const LiveOptions& options)
      : title_(title), source_(source), options_(options) {
    report_.sums.resize(columns.size());
    if (!options.metrics.empty()) table_.emplace(options.metrics, columns);
    if (const auto total = expected_frames(source, options.frames); total > 1) {
      progress_.emplace(title, "frames", total);
    }
  }

  bool wants_more() const {
    return wanted_ && !InterruptGuard::raised() &&
           (options_.frames == 0 || report_.frames < options_.frames);
  }

  void take(const SeenFrame& seen) {
    const auto dropped = source_.dropped();
    ++report_.frames;
    report_.latencies.add(seen.latency_ms);
    if (!seen.numbers.empty()) ++report_.rows;
    for (std::size_t i = 0; i < seen.numbers.size(); ++i) report_.sums.at(i) += seen.numbers[i];
    const auto missed = dropped - report_.dropped;
    if (table_) table_->add(report_.frames, seen, missed);
    report_.dropped = dropped;
    if (options_.sink != nullptr) record(seen.panels, missed);
    show(seen);
    if (progress_) progress_->update(report_.frames + dropped, seen.note);
  }

  /// Completes the files; where both cannot be, says why the first cannot.
  void close(std::exception_ptr failure) {
    const auto try_to = [&](auto&& complete) {
      try {
        complete();
      } catch (...) {
        if (!failure) failure = std::current_exception();
      }
    };
    if (options_.sink != nullptr) try_to([&] { options_.sink->close(); });
    if (table_ && (report_.frames > 0 || !failure)) try_to([&] { table_->commit(); });
    progress_.reset();
    if (failure) std::rethrow_exception(failure);
  }

  LiveReport report() {
    report_.seconds = seconds_since(start_);
    report_.interrupted = InterruptGuard::raised();
    return report_;
  }

 private:
  /// A video shows the panels before for as long as frames were missed.
  void record(const at::Tensor& panels, std::int64_t missed) {
    const at::NoGradGuard no_gradient;
    FrameSink& sink = *options_.sink;
    if (recorded_.defined() && sink.has_a_rate()) {
      for (std::int64_t i = 0; i < missed; ++i) sink.write(recorded_);
    }
    recorded_ =
        fitted(panels, recorded_.defined() ? recorded_.sizes().vec() : panels.sizes().vec());
    sink.write(recorded_);
  }

  void show(const SeenFrame& seen) {
    const at::NoGradGuard no_gradient;
    if (!options_.show) return;
    const auto line = text(seen.title.empty() ? title_ : seen.title, ", ",
                           fixed(rate_.after_a_frame(), 1), " frames/s, ", seen.note);
    wanted_ = options_.show(with_line_below(seen.panels, line));
  }

  std::string title_;
  FrameSource& source_;
  const LiveOptions& options_;
  LiveReport report_;
  std::optional<FrameTable> table_;
  std::optional<ProgressLine> progress_;
  at::Tensor recorded_;  ///< the panels that the sink got last, all of one size
  Rate rate_;
  Clock::time_point start_ = Clock::now();
  bool wanted_ = true;
};

}  // namespace

LiveReport run_live(const std::string& title, const std::vector<LiveColumn>& columns,
                    const std::function<SeenFrame(const Frame&)>& see, FrameSource& source,
                    const LiveOptions& options) {
  const InterruptGuard guard;
  Run run(title, columns, source, options);
  const FairThreads threads;
  std::exception_ptr failure;
  try {
    while (run.wants_more()) {
      const auto frame = source.next();
      if (!frame) break;
      threads.begin_turn();
      run.take(see(*frame));
    }
  } catch (...) {
    failure = std::current_exception();
  }
  run.close(failure);
  return run.report();
}

double percentile(std::vector<double> values, double percent) {
  if (values.empty()) return 0.0;
  std::sort(values.begin(), values.end());
  const double rank = std::ceil(percent / 100.0 * static_cast<double>(values.size()));
  const auto last = static_cast<double>(values.size() - 1);
  return values[static_cast<std::size_t>(std::clamp(rank - 1.0, 0.0, last))];
}

std::string rate_summary(const LiveReport& report) {
  if (report.frames == 0) return "0 frames";
  const double rate = static_cast<double>(report.frames) / report.seconds;
  return text(report.frames, report.frames == 1 ? " frame, " : " frames, ", fixed(rate, 1),
              " frames/s, latency median ", fixed(report.latencies.percentile(50.0), 1),
              " ms, 99th percentile ", fixed(report.latencies.percentile(99.0), 1), " ms",
              report.dropped > 0 ? text(", ", report.dropped, " dropped") : "");
}

}  // namespace neurosplat
