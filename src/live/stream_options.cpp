#include "neurosplat/live/stream_options.h"

#include <cstdio>
#include <filesystem>
#include <utility>

#include "neurosplat/core/error.h"
#include "neurosplat/core/interrupt.h"
#include "neurosplat/core/log.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/newest_frames.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;

std::string destinations(const StreamOptions& options, bool window, const std::string& more) {
  std::string list;
  const auto add = [&](const std::string& name) { list += (list.empty() ? "" : ", ") + name; };
  if (window) add("panels in a window (h lists its keys)");
  if (!options.out.empty()) add("panels to " + options.out);
  if (!more.empty()) add("panels to " + more);
  if (!options.metrics.empty()) add("numbers to " + options.metrics);
  return list;
}

}  // namespace

void check(const StreamOptions& options) {
  if (options.frames < 0) {
    throw UsageError(text("frames: expected a number >= 0 (0: all), got ", options.frames));
  }
  if (options.threads < 0) {
    throw UsageError(text("threads: expected a number >= 0 (0: all cores), got ", options.threads));
  }
}

Outputs outputs_of(const StreamOptions& options, const std::string& source_option) {
  Outputs outputs(options.overwrite);
  if (!options.camera) outputs.reads(source_option, options.source);
  if (!options.out.empty() && is_video_sink(options.out)) {
    outputs.writes("out", options.out);
  } else if (!options.out.empty()) {
    outputs.writes("out", options.out, {kFrameFiles});
  }
  outputs.writes("metrics", options.metrics);
  return outputs;
}

std::unique_ptr<FrameSource> open_source(const StreamOptions& options) {
  const auto name = options.camera ? text("camera:", *options.camera) : options.source;
  auto source = open_frame_source(name);
  const bool camera = name.starts_with("camera:");
  if (!camera && !options.realtime) return source;
  return newest_frames(std::move(source), /*at_its_rate=*/!camera);
}

std::unique_ptr<FrameSink> open_sink(const StreamOptions& options, const FrameSource& source) {
  if (options.out.empty()) return nullptr;
  if (options.overwrite && !is_video_sink(options.out)) remove_series(options.out, kFrameFiles);
  return open_frame_sink(options.out, source.frames_per_second());
}

std::unique_ptr<PanelWindow> open_window(const StreamOptions& options, const std::string& title,
                                         const std::vector<std::string>& modes) {
  return options.headless ? nullptr : PanelWindow::open(title, modes);
}

void say_what_was_chosen(const StreamOptions& options, const std::string& what, bool window,
                         const std::string& also_written) {
  log::info(what);
  if (const auto list = destinations(options, window, also_written); !list.empty()) {
    log::info(list);
  } else {
    log::warn(text("nothing is shown or written", display_here() ? "" : ", there is no display",
                   ": give --out or --metrics to keep something"));
  }
}

int watch(const StreamOptions& options, const std::vector<LiveColumn>& columns, ModeSwitch& modes,
          FrameSource& source, PanelWindow* window, FrameSink* sink,
          const std::function<std::string(const LiveReport&)>& summary_of) {
  LiveOptions live;
  live.frames = options.frames;
  live.sink = sink;
  live.metrics = options.metrics;
  const bool kept = sink != nullptr || !options.metrics.empty();
  if (window != nullptr) {
    live.show = [&](const at::Tensor& panels) {
      const bool wanted = window->show(panels);
      if (window->take_reset()) modes.reset();
      if (const auto mode = window->take_mode()) modes.choose(*mode);
      // Without a window and a file nobody would see what comes.
      return wanted && (kept || !window->gone());
    };
  }
  const auto report = run_live(
      modes.first(), columns, [&](const Frame& frame) { return modes.see(frame); }, source, live);
  std::printf("%s\n", summary_of(report).c_str());
  std::fflush(stdout);
  if (report.interrupted) {
    log::warn("interrupted: what was seen so far is written");
    return InterruptGuard::exit_code();
  }
  if (window != nullptr && report.frames == 1) window->hold();
  return 0;
}

}  // namespace neurosplat
