#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "neurosplat/io/frame_sink.h"
#include "neurosplat/io/frame_source.h"
#include "neurosplat/io/outputs.h"
#include "neurosplat/live/live_loop.h"
#include "neurosplat/live/mode_switch.h"
#include "neurosplat/live/panel_window.h"

namespace neurosplat {

/// What every live subcommand is told: where frames come from, where panels go.
struct StreamOptions {
  std::string source = "camera:0";
  std::optional<int> camera;
  std::string out, metrics;
  bool headless = false, realtime = false, overwrite = false;
  std::int64_t frames = 0;
  int threads = 0;
  std::string device = "auto";
};

/// Throws UsageError.
void check(const StreamOptions& options);

/// The source under the name of its option, panels and numbers; a command adds what else it reads
/// and writes.
Outputs outputs_of(const StreamOptions& options, const std::string& source_option = "source");

/// The frames that are asked for. Of a camera, or anything with --realtime, the newest one there
/// is; else every one.
std::unique_ptr<FrameSource> open_source(const StreamOptions& options);

/// What takes the panels, nothing where --out was not given; an earlier run's are removed from a
/// folder with --overwrite.
std::unique_ptr<FrameSink> open_sink(const StreamOptions& options, const FrameSource& source);

/// A window for the panels, where there is a display and --headless was not given. Opened before
/// LibTorch has threads: it is tried in a copy of this process. Its keys 1 to 9 choose among
/// `modes`, the names of those that the ModeSwitch has.
std::unique_ptr<PanelWindow> open_window(const StreamOptions& options, const std::string& title,
                                         const std::vector<std::string>& modes);

/// Says on one line each what is watched and where the panels go; warns when they go nowhere.
void say_what_was_chosen(const StreamOptions& options, const std::string& what, bool window,
                         const std::string& also_written = "");

/// Shows `modes` the frames of the source: panels to the window and to `sink`, numbers to
/// --metrics. Prints `summary_of` the report, returns the exit code.
int watch(const StreamOptions& options, const std::vector<LiveColumn>& columns, ModeSwitch& modes,
          FrameSource& source, PanelWindow* window, FrameSink* sink,
          const std::function<std::string(const LiveReport&)>& summary_of);

}  // namespace neurosplat
