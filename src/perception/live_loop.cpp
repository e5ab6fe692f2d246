#include "neurosplat/perception/live_loop.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>

#include "neurosplat/core/interrupt.h"
#include "neurosplat/core/progress.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/atomic_file.h"
#include "neurosplat/io/drawing.h"

namespace neurosplat {
namespace {

void write_numbers(const std::filesystem::path& path, const std::vector<LiveColumn>& columns,
                   const LiveReport& report) {
  std::string csv = "frame,latency_ms";
  for (const auto& column : columns) csv += text(",", column.name);
  csv += "\n";
  for (std::size_t i = 0; i < report.frames(); ++i) {
    csv += text(i + 1, ",", fixed(report.latencies_ms[i], 3));
    for (std::size_t c = 0; c < columns.size(); ++c) {
      csv += text(",", fixed(report.numbers[i][c], columns[c].decimals));
    }
    csv += "\n";
  }
  write_file_atomically(path, csv);
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
    const auto now = std::chrono::steady_clock::now();
    const double seconds = std::chrono::duration<double>(now - last_).count();
    last_ = now;
    mean_ = mean_ == 0.0 ? seconds : 0.9 * mean_ + 0.1 * seconds;
    return 1.0 / std::max(mean_, 1e-9);
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
  double mean_ = 0.0;
};

at::Tensor with_line_below(const at::Tensor& panels, const std::string& line) {
  const auto nothing = at::zeros({3, 0, panels.size(2)}, at::kFloat);
  return at::cat({panels, with_label(nothing, line)}, 1);
}

}  // namespace

double LiveReport::mean(std::size_t column) const {
  double sum = 0.0;
  for (const auto& row : numbers) sum += row[column];
  return sum / static_cast<double>(numbers.size());
}

LiveReport run_live(const std::string& title, const std::vector<LiveColumn>& columns,
                    const std::function<SeenFrame(const Frame&)>& see, FrameSource& source,
                    const LiveOptions& options) {
  const InterruptGuard guard;
  LiveReport report;
  std::optional<ProgressLine> progress;
  if (const auto total = expected_frames(source, options.frames); total > 1) {
    progress.emplace(title, "frames", total);
  }
  const auto start = std::chrono::steady_clock::now();
  const auto done = [&] { return static_cast<std::int64_t>(report.frames()); };
  Rate rate;
  bool wanted = true;
  while (wanted && !InterruptGuard::raised() && (options.frames == 0 || done() < options.frames)) {
    const auto frame = source.next();
    if (!frame) break;
    const auto seen = see(*frame);
    report.latencies_ms.push_back(seen.latency_ms);
    report.numbers.push_back(seen.numbers);
    if (options.sink != nullptr) options.sink->write(seen.panels);
    if (options.show) {
      const auto line = text(title, ", ", fixed(rate.after_a_frame(), 1), " frames/s, ", seen.note);
      wanted = options.show(with_line_below(seen.panels, line));
    }
    if (progress) progress->update(done(), seen.note);
  }
  if (options.sink != nullptr) options.sink->close();
  if (!options.metrics.empty()) write_numbers(options.metrics, columns, report);
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
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

std::string rate_summary(const LiveReport& report) {
  const auto frames = report.frames();
  if (frames == 0) return "0 frames";
  const double rate = static_cast<double>(frames) / report.seconds;
  return text(frames, frames == 1 ? " frame, " : " frames, ", fixed(rate, 1),
              " frames/s, latency median ", fixed(percentile(report.latencies_ms, 50.0), 1),
              " ms, 99th percentile ", fixed(percentile(report.latencies_ms, 99.0), 1), " ms");
}

}  // namespace neurosplat
