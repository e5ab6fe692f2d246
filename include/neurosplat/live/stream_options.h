#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "neurosplat/io/frame_sink.h"
#include "neurosplat/io/frame_source.h"
#include "neurosplat/io/outputs.h"
#include "neurosplat/live/live_loop.h"
#include "neurosplat/live/mode_switch.h"
#include "neurosplat/live/panel_window.h"
#include "neurosplat/program/program.h"
#include "neurosplat/systems/splat_vae/splat_vae.h"

namespace neurosplat::apps {

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

/// --source, --cam, --realtime, --out (or --record), --metrics, --overwrite, --headless, --frames,
/// --device, --threads. The present values are the defaults; `metrics_help` says what is written of
/// each frame.
void add_stream_options(CLI::App& command, StreamOptions& options, const std::string& metrics_help);

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

/// Sizes that the reference needs named; here the model knows them, and a wrong one is an error.
struct ModelSizes {
  std::optional<std::int64_t> image_size, packets, latent;
};
void add_size_options(CLI::App& command, ModelSizes& sizes);
void check_sizes(const ModelSizes& sizes, const SplatVaeArchitecture& model);
/// The model of --model on `device`, its sizes checked; for a smoke run a small random one. Throws
/// UsageError when there is neither.
SplatVae read_model(const std::filesystem::path& model, bool smoke, const std::string& device,
                    const ModelSizes& sizes);

/// A window for the panels, where there is a display and --headless was not given. Opened before
/// LibTorch has threads: it is tried in a copy of this process.
std::unique_ptr<PanelWindow> open_window(const StreamOptions& options, const std::string& title);

/// Says on one line each what is watched and where the panels go; warns when they go nowhere.
void say_what_was_chosen(const StreamOptions& options, const std::string& what, bool window,
                         const std::string& also_written = "");

/// Shows `modes` the frames of the source: panels to the window and to `sink`, numbers to
/// --metrics. Prints `summary_of` the report, returns the exit code.
int watch(const StreamOptions& options, const std::vector<LiveColumn>& columns, ModeSwitch& modes,
          FrameSource& source, PanelWindow* window, FrameSink* sink,
          const std::function<std::string(const LiveReport&)>& summary_of);

}  // namespace neurosplat::apps
